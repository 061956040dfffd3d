// Signs that fonts do not have everywhere.

export function CopyIcon() {
  return <svg class="icon" viewBox="0 0 16 16" width={14} height={14} aria-hidden="true"><rect x={5.5} y={5.5} width={8} height={8} rx={1.5} /><path d="M10.5 3.5v-.5a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h.5" /></svg>;
}

export function ShieldIcon() {
  return <svg class="icon" viewBox="0 0 16 16" width={15} height={15} aria-hidden="true"><path d="M8 1.5 13.5 3.5v4.3c0 3.200-2.3 5.600-5.5 6.700-3.200-1.100-5.5-3.5-5.5-6.700V3.5Z" /><path d="m5.5 8 1.900 1.900 3.3-3.600" /></svg>;
}
