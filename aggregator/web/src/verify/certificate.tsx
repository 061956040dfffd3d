// What a check of a QC found.
import { Fact, Facts, Hash, Money, Name, Notice } from '../shell/parts.tsx';
import { list } from '../format.ts';
import type { Verification } from './verify.ts';

export function Certificate({ result }: { result: Verification }) {
  if (!result.valid) {
    return (
      <Notice tone="bad" title="✕ NOT VALID: do not rely on it.">
        <p data-testid="verdict-problem">{result.problem}</p>
      </Notice>
    );
  }
  const { signers, weight, threshold, total } = result;
  return (
    <Notice tone="good" title={`◆ VALID: the payer's signature and ${signers.length} of ${signers.length} votes are good.`}>
      <Facts>
        <Fact name="Payment"><Name address={result.from} /> → <Name address={result.to} /> <Money units={result.amount} asset={result.asset} /></Fact>
        <Fact name="Signed by">{list(signers.map((s) => s.name))}: weight {weight} of {total}, {threshold} needed</Fact>
        <Fact name="Tx id"><Hash value={result.txId} label="tx id" /></Fact>
        <Fact name="Relies on">{result.parents.length === 0 ? 'no other payment' : result.parents.map((id) => <Hash key={id} value={id} label="tx id of the parent" />)}</Fact>
        <Fact name="Valid before">{new Date(result.validBefore * 1000).toLocaleString()}</Fact>
        <Fact name="Committee">epoch {result.epoch} <Hash value={result.committee} label="committee id" /></Fact>
      </Facts>
      <p>It is conditional until the chain includes the payment: until then another transaction of the payer or a freeze of the token can still void it.</p>
    </Notice>
  );
}
