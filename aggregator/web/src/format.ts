// How values are written, in one way everywhere.

/** A token amount without a symbol: at least two decimals, no useless zeros behind them. */
export function tokens(units: bigint, decimals: number): string {
  const sign = units < 0n ? '−' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '').padEnd(Math.min(2, decimals), '0');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return sign + (fraction === '' ? grouped : `${grouped}.${fraction}`);
}

/** An amount with its currency: $10.00 for tokens of a US dollar, 10.00 EURO for others. */
export function money(units: bigint, decimals: number, symbol: string): string {
  const text = tokens(units, decimals);
  return symbol.toUpperCase().endsWith('USD') ? `$${text}` : `${text} ${symbol}`;
}

/** Reads what a person typed as an amount; a string says what is wrong with it. */
export function parseTokens(text: string, decimals: number): bigint | string {
  const match = /^(\d{1,40})(?:\.(\d*))?$/.exec(text.trim());
  if (!match) return 'Write the amount in digits, such as 10.50.';
  const fraction = (match[2] ?? '').replace(/0+$/, '');
  if (fraction.length > decimals) return `This token has ${decimals} decimals; leave out the digits beyond.`;
  const units = BigInt((match[1] ?? '') + fraction.padEnd(decimals, '0'));
  if (units === 0n) return 'The amount must be above zero.';
  return units >= 1n << 128n ? 'The amount is more than a payment can carry.' : units;
}

/** A hash, an address or a peer id, cut in the middle. */
export function short(id: string): string {
  if (id.length <= 14) return id;
  return id.startsWith('0x') ? `${id.slice(0, 6)}…${id.slice(-4)}` : `${id.slice(0, 4)}…${id.slice(-5)}`;
}

/** A space that does not break, between a number and its unit. */
const JOIN = '\u00a0';

/** A duration in milliseconds, with the digits that matter at its size. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size < 100) return `${signed(ms, 1)}${JOIN}ms`;
  if (size < 10_000) return `${signed(ms, 0)}${JOIN}ms`;
  if (size < 120_000) return `${signed(ms / 1000, 1)}${JOIN}s`;
  if (size < 7_200_000) return `${signed(ms / 60_000, 0)}${JOIN}min`;
  return `${signed(ms / 3_600_000, 0)}${JOIN}h`;
}

/** A number with its decimals and groups of thousands. */
export function signed(value: number, decimals: number): string {
  const [whole, fraction] = Math.abs(value).toFixed(decimals).split('.');
  const grouped = (whole ?? '').replace(/\B(?=(\d{3})+$)/g, ',');
  const sign = value < 0 && Number(Math.abs(value).toFixed(decimals)) !== 0 ? '−' : '';
  return sign + grouped + (fraction ? `.${fraction}` : '');
}

/** The time of day of Unix milliseconds, to the millisecond. */
export function timeOfDay(ms: number): string {
  const at = new Date(ms);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** How long ago something was, for people. */
export function ago(ms: number): string {
  if (ms < 1000) return 'just now';
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ago`;
  return `${Math.floor(ms / 86_400_000)} d ago`;
}

/** "a", "a and b", "a, b and c". */
export function list(items: string[]): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`;
}

/** A name with a capital. */
export function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
