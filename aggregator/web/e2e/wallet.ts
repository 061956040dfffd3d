// Wallets inside the page: EIP-1193 providers that announce themselves by EIP-6963.
import { fromHex, toHex, type Hex } from '../verifier/bytes.ts';
import { accountOf, signSecp256k1 } from '../verifier/signature.ts';
import { senderHash, sponsoredForm, type Transfer } from '../verifier/transaction.ts';
import type { BrowserContext } from 'playwright-core';

/** What a wallet does when it is asked to sign. */
export type Manner = 'signs' | 'cannot' | 'declines' | 'forges';

interface Call {
  to: Hex;
  data: Hex;
}

interface Request {
  type: string;
  chainId: Hex;
  maxFeePerGas: Hex;
  nonceKey: Hex;
  nonce: Hex;
  validBefore: Hex;
  calls: [Call];
}

/** Reads a request as a wallet that knows Tempo does. */
function transferOf(r: Request): Transfer {
  const { to, data } = r.calls[0];
  return {
    chainId: BigInt(r.chainId), maxFee: BigInt(r.maxFeePerGas), asset: to, nonceKey: BigInt(r.nonceKey), nonce: BigInt(r.nonce),
    validBefore: BigInt(r.validBefore), recipient: `0x${data.slice(34, 74)}`, amount: BigInt(`0x${data.slice(74, 138)}`), memo: `0x${data.slice(138)}`,
  };
}

/** Signs a request with a key; forge makes it pay somebody else. */
function signed(r: Request, key: Uint8Array, forge: boolean): Hex {
  const honest = transferOf(r);
  const t = forge ? { ...honest, amount: honest.amount + 1n } : honest;
  return toHex(sponsoredForm(t, signSecp256k1(senderHash(t), key)));
}

/** Gives every page of a context a wallet of this name and manner. */
export async function addWallet(context: BrowserContext, name: string, key: Hex, manner: Manner): Promise<void> {
  const secret = fromHex(key);
  const address = accountOf(secret);
  const id = name.toLowerCase();
  await context.exposeFunction(`sign_${id}`, (request: Request) => signed(request, secret, manner === 'forges'));
  await context.addInitScript(([label, account, how]) => {
    const refuse = (code: number, message: string) => Promise.reject(Object.assign(new Error(message), { code }));
    const provider = {
      request({ method, params }: { method: string; params?: unknown[] }): Promise<unknown> {
        if (method === 'eth_requestAccounts') return Promise.resolve([account]);
        if (method !== 'eth_signTransaction') return refuse(4200, `${method} is not supported`);
        if (how === 'cannot') return refuse(-32601, 'The method eth_signTransaction does not exist');
        if (how === 'declines') return refuse(4001, 'User rejected the request.');
        return (globalThis as unknown as Record<string, (r: unknown) => Promise<string>>)[`sign_${label.toLowerCase()}`]!(params?.[0]);
      },
    };
    const announce = () => dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: { info: { uuid: label, name: label }, provider } }));
    addEventListener('eip6963:requestProvider', announce);
    announce();
  }, [name, address, manner] as const);
}
