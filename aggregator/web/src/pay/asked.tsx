// A payment request that a visitor was given: what it asks for, and what speaks against paying it.
import { Fact, Facts, Money, Name, Notice } from '../shell/parts.tsx';
import { network, validatorHeads } from '../state/store.ts';
import { parseRequest, type PaymentRequest } from '../request/request.ts';
import { refusal, untilText } from '../request/refusal.ts';

/** A text that is to be a payment request: the request, or why it is none or must not be paid. */
export interface Reading {
  request: PaymentRequest | null;
  problem: string | null;
}

/** Reads a text as a request to an account; null if there is no text. */
export function readAsked(text: string, account: string): Reading | null {
  const file = network.value;
  if (text.trim() === '' || !file) return null;
  let request: PaymentRequest;
  try {
    request = parseRequest(text.trim());
  } catch (cause) {
    return { request: null, problem: `It is no payment request: ${cause instanceof Error ? cause.message : String(cause)}.` };
  }
  const problem = refusal(request, {
    network: file.digest ?? '', account, assets: file.asset.map((a) => a.address), chainTime: chainTime(), clock: BigInt(Math.floor(Date.now() / 1000)),
  });
  return { request, problem };
}

/** The median of the chain times that validators tell; null if none has. */
function chainTime(): bigint | null {
  const told = [...validatorHeads.value.values()].map((h) => BigInt(h.time)).sort((a, b) => (a < b ? -1 : 1));
  return told[told.length >> 1] ?? null;
}

/** Where a request is put in, and what it says. */
export function Asked({ text, reading, onText }: { text: string; reading: Reading | null; onText: (text: string) => void }) {
  const r = reading?.request;
  return (
    <>
      <label>Payment request
        <input value={text} onInput={(e) => onText(e.currentTarget.value)} placeholder="allegro:0x…" spellcheck={false} autocomplete="off" />
      </label>
      {reading?.problem && <Notice tone="bad" title="This request cannot be paid."><p>{reading.problem}</p></Notice>}
      {r && !reading.problem && (
        <Notice tone="good" title="This is what you are asked for.">
          <Facts>
            <Fact name="By"><Name address={r.payee} /></Fact>
            <Fact name="Amount"><span data-testid="asked-amount"><Money units={r.amount} asset={r.asset} /></span></Fact>
            {r.note !== '' && <Fact name="Note"><span data-testid="asked-note">{r.note}</span></Fact>}
            <Fact name="Good">{r.expires === 0n ? 'without an end' : `until ${untilText(r)}`}</Fact>
          </Facts>
        </Notice>
      )}
      {text !== '' && <button type="button" class="quiet" onClick={() => onText('')}>Pay without a request</button>}
    </>
  );
}
