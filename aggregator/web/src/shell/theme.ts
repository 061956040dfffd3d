// Light or dark: as the system says, or as the visitor chose here.
import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'allegro.theme';

export const theme = signal<Theme>('system');

/** Applies the visitor's choice, now and whenever it changes. */
export function applyTheme(): void {
  const stored = localStorage.getItem(KEY);
  if (stored === 'light' || stored === 'dark') theme.value = stored;
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
    if (theme.value === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme.value);
  });
}
