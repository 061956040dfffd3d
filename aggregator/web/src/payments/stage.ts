// The stages of a payment: a word, a shape and a colour each, never a colour alone.
import type { Stage } from '../api/documents.ts';

export interface StageLook {
  word: string;
  shape: string;
  /** Names the colour in the style sheet. */
  tone: 'pending' | 'certified' | 'settled' | 'bad' | 'idle';
  /** What it means, for people. */
  meaning: string;
}

export const STAGES: Record<Stage, StageLook> = {
  ACCEPTED: { word: 'ACCEPTED', shape: '◔', tone: 'pending', meaning: 'A validator has voted for it. That is no quorum yet.' },
  CERTIFIED: { word: 'CERTIFIED', shape: '◆', tone: 'certified', meaning: 'Validators of more than two thirds of the weight have signed it. The payee may spend it.' },
  QUEUED_ONCHAIN: { word: 'QUEUED', shape: '◆', tone: 'certified', meaning: 'Certified, and handed to the chain.' },
  INCLUDED: { word: 'INCLUDED', shape: '■', tone: 'settled', meaning: 'A block has executed it. The block is not final yet.' },
  FINALIZED: { word: 'FINALIZED', shape: '■■', tone: 'settled', meaning: 'A final block has executed it.' },
  REJECTED: { word: 'REJECTED', shape: '✕', tone: 'bad', meaning: 'Validators refused it for good; no quorum is left.' },
  EXPIRED: { word: 'EXPIRED', shape: '⊘', tone: 'idle', meaning: 'Its time has passed, and it was never executed.' },
  FAILED: { word: 'FAILED', shape: '✕', tone: 'bad', meaning: 'The chain executed it without effect.' },
  CONFLICTED: { word: 'CONFLICTED', shape: '✕', tone: 'bad', meaning: 'Something else took its place on the chain.' },
};

const UNSEEN: StageLook = { word: 'SENT', shape: '○', tone: 'pending', meaning: 'No vote was seen yet.' };

/** The look of a stage; that of a payment without a vote for null or a word that is not known. */
export function lookOf(stage: Stage | null): StageLook {
  return (stage && STAGES[stage]) || UNSEEN;
}
