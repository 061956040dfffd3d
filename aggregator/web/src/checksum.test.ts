import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressFault, checksummed } from './checksum.ts';

// The examples of EIP-55.
const SPELLED = [
  '0x52908400098527886E0F7030069857D2E4169EE7', '0x8617E340B3D01FA5F11F306F4090FD50E238070D', '0xde709f2102306220921060314715629080e2fb77',
  '0x27b1fdb04752bbc536007a920d24acb045561c26', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
];

test('addresses are spelled as EIP-55 says', () => {
  for (const address of SPELLED) {
    assert.equal(checksummed(address.toLowerCase()), address);
    assert.equal(addressFault(address), null);
  }
  assert.equal(checksummed('no address'), 'no address');
});

test('an address without a checksum, or with a wrong one, is refused', () => {
  const good = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
  assert.match(addressFault(good.toLowerCase()) ?? '', /no checksum/);
  assert.match(addressFault(good.replace('0x5a', '0x5b')) ?? '', /checksum of this address is wrong/);
  assert.match(addressFault('0x12') ?? '', /40 hex digits/);
});
