/** Limits that are part of validity (section 8); every peer applies the same ones. */
export const maxMessageSize = 256 << 10; // bytes of a gossip payload and of evidence
export const maxQCSize = 512 << 10; // bytes
export const maxPayments = 64; // in a tx message
export const maxBatch = 1024; // votes under one signature
export const maxParents = 8;
export const maxDepth = 32; // chains of pending credits, open payments of a lane
export const maxMembers = 1024;
export const maxWeight = 1n << 32n;
export const maxSignature = 2049; // bytes of a payer's signature
export const maxU64 = (1n << 64n) - 1n;
export const maxU128 = (1n << 128n) - 1n;
