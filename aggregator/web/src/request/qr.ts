// QR codes of payment requests.
import { correction, generate } from 'lean-qr';
import { toSvgPath } from 'lean-qr/extras/svg';

const EDGE = 4; // modules that are light around a code, of ISO/IEC 18004

/** A text's QR code: its dark modules as an SVG path, and the view that has its light edge too. */
export interface QRCode {
  path: string;
  /** Of a square: where it begins, in both directions, and its size. */
  from: number;
  size: number;
}

/** Draws the QR code of a text. */
export function qrOf(text: string): QRCode {
  const code = generate(text, { minCorrectionLevel: correction.L });
  return { path: toSvgPath(code), from: -EDGE, size: code.size + 2 * EDGE };
}
