import { concat } from './bytes.ts';
import { sha256 } from './hash.ts';

// Sizes in bytes. The signature's r ‖ s ‖ x ‖ y comes behind what is read here.
const authDataLength = 37; // RP id hash, flags, counter: neither attested credentials nor extensions
const maxDepth = 16; // of values in clientDataJSON

/**
 * webAuthnDigest checks authenticatorData ‖ clientDataJSON of an assertion over a hash and
 * returns the digest that its P-256 signature is over. It takes less than WebAuthn allows,
 * so that no two readers of the bytes can differ. It throws an Error that says why not.
 */
export function webAuthnDigest(data: Uint8Array, hash: Uint8Array): Uint8Array {
  if (data.length <= authDataLength) throw new Error('there is no authenticator data with client data');
  const flags = data[32]!;
  if ((flags & 0x05) === 0) throw new Error('authenticator flags tell neither user presence nor verification');
  if ((flags & 0xc0) !== 0) throw new Error('authenticator data carries credentials or extensions');
  const clientData = data.slice(authDataLength);
  checkClientData(clientData, hash);
  return sha256(concat(data.slice(0, authDataLength), sha256(clientData)));
}

function checkClientData(data: Uint8Array, hash: Uint8Array): void {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  JSON.parse(text);
  if (text.includes('\\')) throw new Error('client data has escape sequences');
  const want = new Map([['type', 'webauthn.get'], ['challenge', base64url(hash)]]);
  const seen = new Set<string>();
  for (const [name, value, depth] of members(text)) {
    const expected = want.get(name);
    if (expected === undefined) {
      if (depth > maxDepth) throw new Error(`client data is nested deeper than ${maxDepth}`);
      continue;
    }
    if (seen.has(name)) throw new Error(`client data has ${name} twice`);
    if (value !== `"${expected}"`) throw new Error(`client data has another ${name}`);
    seen.add(name);
  }
  if (seen.size !== want.size) throw new Error('client data lacks type or challenge');
}

/**
 * members returns the members of a JSON object, doubles included, as JSON.parse does not:
 * name, value as it is written, and how deep that is nested. The text is valid JSON
 * without escape sequences.
 */
function members(text: string): [name: string, value: string, depth: number][] {
  const tokens = text.match(/"[^"]*"|[{}[\]:,]|[^\s{}[\]:,"]+/g) ?? [];
  if (tokens[0] !== '{') throw new Error('client data is no JSON object');
  const out: [string, string, number][] = [];
  for (let i = 1; i < tokens.length - 1; ) {
    if (tokens[i] === ',') i++;
    const name = tokens[i]!.slice(1, -1);
    i += 2; // the name and its colon
    const begin = i;
    let depth = 0;
    let deepest = 0;
    do {
      if (tokens[i] === '{' || tokens[i] === '[') deepest = Math.max(deepest, ++depth);
      if (tokens[i] === '}' || tokens[i] === ']') depth--;
      i++;
    } while (depth > 0);
    out.push([name, tokens.slice(begin, i).join(''), deepest]);
  }
  return out;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
