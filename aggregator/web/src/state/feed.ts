// The aggregator's events, from the first load on.
import { effect } from '@preact/signals';
import * as api from '../api/client.ts';
import type { Head, Payment, ValidatorHead } from '../api/documents.ts';
import * as store from './store.ts';

const EVENTS = '/api/v1/events?types=payment,head,validator_head,peer';
/** How many payments are asked for at first. */
const FIRST_PAGE = 100;
/** An EventSource that has given up is made anew after this time, doubled each time. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;
const FRAME_MS = 16;

/**
 * Follows the aggregator for as long as the page lives. It subscribes before it looks up,
 * so nothing falls in between. onPeer is called when a peer changed.
 */
export class Feed {
  #source: EventSource | null = null;
  #retry = RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pending: Payment[] = [];
  /** Payments that events told of since the last load began, and whether one told of a block. */
  readonly #told = new Set<string>();
  #blockTold = false;
  readonly #onPeer: () => void;

  constructor(onPeer: () => void) {
    this.#onPeer = onPeer;
  }

  start(): void {
    effect(() => {
      if (api.cut.value) this.#cut();
      else this.#open();
    });
  }

  #cut(): void {
    this.#close();
    store.link.value = 'cut';
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #open(): void {
    this.#close();
    const source = new EventSource(EVENTS);
    this.#source = source;
    source.onopen = () => {
      this.#retry = RETRY_MS;
      void this.#load();
    };
    source.onerror = () => {
      if (this.#source !== source) return;
      store.link.value = 'lost';
      if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#open(), this.#retry);
      this.#retry = Math.min(this.#retry * 2, MAX_RETRY_MS);
    };
    const on = <T>(type: string, take: (data: T) => void) =>
      source.addEventListener(type, (event) => take(JSON.parse((event as MessageEvent<string>).data) as T));
    on<Payment>('payment', (p) => this.#take(p));
    on<Head>('head', (head) => {
      store.clock.arrived(Number(head.seen_unix_micros) / 1000);
      this.#blockTold = true;
      store.putBlock(head);
    });
    on<ValidatorHead>('validator_head', (head) => store.putValidatorHead(head));
    source.addEventListener('peer', () => this.#onPeer());
    source.addEventListener('reset', () => {
      store.reset.value = true;
      store.forgetChain();
      void this.#load();
    });
  }

  /** Takes payments in batches, so that a busy network costs one drawing per frame. */
  #take(p: Payment): void {
    this.#told.add(p.tx_id);
    if (this.#pending.push(p) > 1) return;
    setTimeout(() => {
      store.putPayments(this.#pending);
      this.#pending = [];
    }, FRAME_MS);
  }

  async #load(): Promise<void> {
    this.#told.clear();
    this.#blockTold = false;
    try {
      const [network, committee, head, page, demo] = await Promise.all([
        api.network(), api.committee(), api.chainHead(), api.payments(FIRST_PAGE), api.demoAccounts(),
      ]);
      store.network.value = network;
      store.committee.value = committee;
      store.demoAccounts.value = demo;
      store.clock.assume(Date.now());
      // What an event told meanwhile is newer than what was asked for.
      if (head.observed_unix_micros !== null && !this.#blockTold) {
        store.putBlock({ height: String(head.block_height), seen_unix_micros: head.observed_unix_micros });
      }
      for (const m of committee.members) if (m.head) store.putValidatorHead(m.head);
      store.putPayments(page.payments.filter((p) => !this.#told.has(p.tx_id)));
      store.loadProblem.value = null;
      if (!api.cut.value) store.link.value = 'live';
    } catch (problem) {
      if (api.cut.value) return;
      store.loadProblem.value = problem instanceof Error ? problem.message : String(problem);
      store.link.value = 'lost';
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#open(), this.#retry);
      this.#retry = Math.min(this.#retry * 2, MAX_RETRY_MS);
    }
  }
}
