// Ask to be paid: a payment request for an account, as a URI and a QR code.
import { useSignal } from '@preact/signals';
import { parseTokens } from '../format.ts';
import { Card, Fact, Facts, Hash, Money, Name, Notice } from '../shell/parts.tsx';
import { network } from '../state/store.ts';
import { choosePeers } from '../request/peers.ts';
import { qrOf } from '../request/qr.ts';
import { untilText } from '../request/refusal.ts';
import { noteFault, requestFault, requestURI, type PaymentRequest } from '../request/request.ts';
import { checksummed } from '../checksum.ts';

/** Seconds for which a request may be good; 0 for ever. */
const LIVES = [[600, '10 minutes'], [3600, '1 hour'], [86_400, '1 day'], [0, 'without an end']] as const;

export function Ask({ payee }: { payee: string }) {
  const amount = useSignal('10.00');
  const asset = useSignal('');
  const note = useSignal('');
  const life = useSignal<number>(LIVES[0][0]);
  const made = useSignal<PaymentRequest | null>(null);
  const file = network.value;
  if (!file) return null;
  const token = file.asset.find((a) => a.address === asset.value) ?? file.asset[0];
  const units = token ? parseTokens(amount.value, Number(token.decimals)) : 'The network lists no token.';
  const wrong = typeof units === 'string' ? units : noteFault(note.value);
  const submit = (event: Event) => {
    event.preventDefault();
    if (wrong !== null || !token || typeof units === 'string' || !file.digest) return;
    const request: PaymentRequest = {
      network: file.digest, payee: checksummed(payee), asset: checksummed(token.address), amount: units, note: note.value,
      expires: life.value === 0 ? 0n : BigInt(Math.floor(Date.now() / 1000) + life.value),
      peers: choosePeers(file.committee.flatMap((c) => c.member.flatMap((m) => m.addresses ?? []))),
    };
    made.value = requestFault(request) === null ? request : null;
  };
  return (
    <Card title="Ask to be paid">
      <form onSubmit={submit} class="form">
        <p class="hint">To <Name address={payee} />, the account that is chosen above. This page does not keep what it asks for; a shop's own peer does.</p>
        <label>How much
          <span class="amount"><input value={amount.value} onInput={(e) => { amount.value = e.currentTarget.value; }} inputMode="decimal" autocomplete="off" />
            {file.asset.length > 1 ? (
              <select aria-label="Token of the request" value={token?.address ?? ''} onChange={(e) => { asset.value = e.currentTarget.value; }}>
                {file.asset.map((a) => <option key={a.address} value={a.address}>{a.symbol}</option>)}
              </select>
            ) : <span class="unit">{token?.symbol}</span>}
          </span>
        </label>
        <label>Note, such as an invoice number
          <input value={note.value} onInput={(e) => { note.value = e.currentTarget.value; }} autocomplete="off" />
        </label>
        <label>Good for
          <select value={life.value} onChange={(e) => { life.value = Number(e.currentTarget.value); }}>
            {LIVES.map(([seconds, text]) => <option key={seconds} value={seconds}>{text}</option>)}
          </select>
        </label>
        <button type="submit" disabled={wrong !== null}>Show the request</button>
        {wrong !== null && <p class="hint">{wrong}</p>}
      </form>
      {made.value && <Shown request={made.value} />}
    </Card>
  );
}

/** A request to be paid from another device. */
function Shown({ request }: { request: PaymentRequest }) {
  const uri = requestURI(request);
  const { path, from, size } = qrOf(uri);
  return (
    <Notice title="Let the payer scan this, or copy it.">
      <svg class="qr" viewBox={`${from} ${from} ${size} ${size}`} role="img" aria-label="QR code of the payment request" shape-rendering="crispEdges">
        <rect x={from} y={from} width={size} height={size} fill="#fff" /><path d={path} fill="#000" />
      </svg>
      <Facts>
        <Fact name="Amount"><Money units={request.amount} asset={request.asset} /></Fact>
        <Fact name="To"><Name address={request.payee} /></Fact>
        <Fact name="Good">{request.expires === 0n ? 'without an end' : `until ${untilText(request)}`}</Fact>
        <Fact name="URI"><span data-testid="request-uri"><Hash value={uri} label="payment request" full /></span></Fact>
      </Facts>
    </Notice>
  );
}
