import { TopicValidatorResult } from '@libp2p/gossipsub';
import type { Connection } from '@libp2p/interface';
import { accountOf, type Committee, fileOf, type Hex, isHex, Lane, Network, type NetworkJSON, Refusal, signTx } from '../verifier/index.ts';
import { Board } from './board.ts';
import { CatchUp } from './catchup.ts';
import { Drops } from './drops.ts';
import { request } from './frame.ts';
import { decodeHelloResponse, encodeHelloRequest, helloProtocol, helloTimeout, maxHello } from './hello.ts';
import { createHost, type Host, kinds, type Transports } from './host.ts';
import { browserStore, Journal, type Store } from './journal.ts';
import { Judge } from './judge.ts';
import { type Known, planPayment, spendableOf } from './plan.ts';
import { type Greeted, Roster } from './roster.ts';
import { Sender } from './sender.ts';
import { Server } from './serve.ts';
import { describe, type TabPeer, type TabSnapshot } from './snapshot.ts';
import { encodePayments, type Outgoing } from './submit.ts';

/** Options of a tab that joins. */
export interface Options {
  /** Multiaddrs to dial, each with /p2p/: see browserAddresses and addressesOf. */
  addresses?: readonly string[];
  /**
   * What somebody with a chain node says of accounts, by lower-case address. It is read at
   * each payment: a caller that learns more changes the object.
   */
  known?: { [account: string]: Known };
  /** Where payments on their way outlive a reload; without: the browser's localStorage. A tab that has neither can only watch. */
  store?: Store;
}

const officeEvery = 5_000; // ms between looks at which committees are in office
const joinBefore = 30n; // seconds
const leaveAfter = 60n;

const results = { accept: TopicValidatorResult.Accept, ignore: TopicValidatorResult.Ignore, reject: TopicValidatorResult.Reject };

/** Tab is a peer that dials and has no chain node. Make it with {@link start}. */
export class Tab implements TabPeer {
  private readonly network: Network;
  private readonly host: Host;
  private readonly options: Options;
  private readonly life = new AbortController();
  private readonly drops = new Drops();
  private readonly board: Board;
  private readonly roster: Roster;
  private readonly journal: Journal;
  private readonly catchUp: CatchUp;
  private readonly sender: Sender;
  private readonly joined = new Set<Hex>();
  private readonly listeners = new Set<() => void>();
  private readonly office: ReturnType<typeof setInterval>;
  private told = false; // listeners will be called
  private turn: Promise<unknown> = Promise.resolve(); // of the last payment: one is planned at a time

  private constructor(network: Network, host: Host, store: Store, options: Options) {
    this.network = network;
    this.host = host;
    this.options = options;
    this.board = new Board(network, this.drops, () => performance.now());
    this.board.onChange(() => this.changed());
    this.roster = new Roster(host, (c) => this.greet(c), (g) => this.ready(g), () => this.changed());
    this.journal = new Journal(network, store);
    this.catchUp = new CatchUp(network, this.board, this.roster, this.drops, () => this.forwarded(), this.life.signal);
    this.sender = new Sender(network, this.board, this.roster, this.journal, this.drops, this.life.signal);
    this.office = setInterval(() => this.joinCommittees(), officeEvery);
    host.services.pubsub.addEventListener('gossipsub:graft', () => this.changed());
    host.services.pubsub.addEventListener('gossipsub:prune', () => this.changed());
  }

  /** start makes a tab with the transports of its surroundings and begins to dial. It throws if the network file is none. */
  static async start(file: NetworkJSON, transports: Transports, options: Options): Promise<Tab> {
    const network = new Network(file);
    const host = await createHost(network, transports);
    const tab = new Tab(network, host, options.store ?? browserStore(), options);
    try {
      tab.joinCommittees();
      await new Server(network, tab.board, tab.drops, () => tab.committee(), () => performance.now(), tab.life.signal).serve(host);
      for (const p of tab.journal.read()) tab.send(p);
      tab.roster.keep(options.addresses ?? []);
    } catch (error) {
      await tab.close();
      throw error;
    }
    return tab;
  }

  snapshot(): TabSnapshot {
    return describe({
      network: this.network, committee: this.committee(), board: this.board, roster: this.roster, drops: this.drops,
      peerId: this.host.peerId.toString(), closed: this.life.signal.aborted,
      mesh: Object.fromEntries(kinds.map((kind) => [kind, this.host.services.pubsub.getMeshPeers(`${this.committee().topicPrefix}/${kind}`).length])),
    });
  }

  subscribe(onChange: () => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }

  async sync(account: string): Promise<void> {
    if ((await this.catchUp.account(address(account))) === 0) throw new Refusal('TEMPORARY_UNAVAILABLE', 'no connected peer answered');
  }

  spendable(account: string, asset: string): bigint | null {
    const lane = new Lane(this.network.chainId, address(asset), address(account));
    const known = this.options.known?.[lane.sender];
    if (!known) return null;
    const committee = this.committee();
    try {
      return spendableOf(this.network, committee, this.board, { lane, known, now: this.chainTime(committee) });
    } catch (error) {
      if (error instanceof Refusal) return null; // pay says why
      throw error;
    }
  }

  qcFile(id: string): string | null {
    const qc = isHex(id, 32) ? this.board.get(id)?.qc : null;
    return qc ? `${JSON.stringify(fileOf(qc), null, 2)}\n` : null;
  }

  pay(order: { key: Uint8Array; to: string; asset: string; amount: bigint; note: string }): Promise<string> {
    const turn = this.turn.then(() => exclusively(`allegro/${this.network.digest}`, () => this.payNow(order)));
    this.turn = turn.catch(() => {}); // told to its caller
    return turn;
  }

  async close(): Promise<void> {
    if (this.life.signal.aborted) return;
    this.life.abort(new Error('the tab has left the network'));
    clearInterval(this.office);
    this.roster.close();
    await this.host.stop();
    this.changed();
  }

  private async payNow(order: { key: Uint8Array; to: string; asset: string; amount: bigint; note: string }): Promise<Hex> {
    const committee = this.committee();
    const lane = new Lane(this.network.chainId, address(order.asset), accountOf(order.key));
    const known = this.options.known?.[lane.sender];
    if (!known) throw new Refusal('TEMPORARY_UNAVAILABLE', `the confirmed balance and nonce of ${lane.sender} are not known: read the account once`);
    const nonce = BigInt(known.nonce);
    const answers = await Promise.all([this.catchUp.lane(lane.id, nonce > 0n ? nonce - 1n : 0n), this.catchUp.account(lane.sender)]);
    if (answers.includes(0)) throw new Refusal('TEMPORARY_UNAVAILABLE', 'no connected peer answered: nothing is signed on what may be old');
    // Another tab with the same store may have paid meanwhile.
    for (const p of this.journal.read()) this.board.addTx(p.tx, true);
    const envelope = planPayment(this.network, committee, this.board, { lane, to: address(order.to), amount: order.amount, note: order.note, known, now: this.chainTime(committee) });
    const tx = this.network.parseTx(signTx(envelope, committee, order.key));
    const payment: Outgoing = { tx, parents: envelope.parents.flatMap((id) => this.board.get(id)?.qc ?? []) };
    this.journal.add(payment);
    this.send(payment);
    // Gossip is for those that submits do not reach: the payment is on its way without it.
    void this.host.services.pubsub.publish(`${committee.topicPrefix}/tx`, encodePayments([payment])).catch(() => this.drops.count('requests_failed'));
    return tx.id;
  }

  /** send takes a payment that is in the journal on its way. */
  private send(p: Outgoing): void {
    for (const qc of p.parents) this.board.addQC(qc);
    this.board.addTx(p.tx, true);
    this.board.noteGossiped(p.tx.id);
    this.sender.add(p);
  }

  private async greet(c: Connection): Promise<Greeted> {
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const call = { protocol: helloProtocol, payload: encodeHelloRequest(this.network, this.committee(), nonce), responseLimit: maxHello, timeout: helloTimeout };
    const greeting = decodeHelloResponse(await request(c, call, this.life.signal), this.network, {
      requester: this.host.peerId.toMultihash().bytes, responder: c.remotePeer.toMultihash().bytes, nonce,
    });
    if (greeting.digest !== this.network.digest) {
      throw new Error(`another network file: its digest is ${greeting.digest.slice(0, 10)}…, ours ${this.network.digest.slice(0, 10)}…`);
    }
    return { connection: c, member: greeting.member };
  }

  private ready(g: Greeted): void {
    this.sender.send();
    void this.catchUp.from(g);
  }

  /** joinCommittees joins the topics of committees that are in office or soon will be, and leaves those of others. */
  private joinCommittees(): void {
    const now = BigInt(Math.floor(Date.now() / 1000));
    const pubsub = this.host.services.pubsub;
    for (const c of this.network.committees) {
      const wanted = c === this.committee() || (c.start <= now + joinBefore && now < c.end + leaveAfter);
      if (wanted === this.joined.has(c.id)) continue;
      for (const kind of kinds) {
        const topic = `${c.topicPrefix}/${kind}`;
        if (!wanted) {
          pubsub.unsubscribe(topic);
          pubsub.topicValidators.delete(topic);
          continue;
        }
        const judge = new Judge(this.network, this.board, this.drops, (b, ids) => this.catchUp.want(b, ids));
        pubsub.topicValidators.set(topic, (_, message) => results[judge.judge(c.id, kind, message.data)]);
        pubsub.subscribe(topic);
      }
      if (wanted) this.joined.add(c.id);
      else this.joined.delete(c.id);
    }
  }

  /** forwarded reports whether in each joined committee a neighbour has this tab in its mesh for payments. */
  private forwarded(): boolean {
    return this.network.committees.every((c) => !this.joined.has(c.id) || this.host.services.pubsub.getMeshPeers(`${c.topicPrefix}/tx`).length > 0);
  }

  /** committee is the one in office by this tab's clock. */
  private committee(): Committee {
    return this.network.committeeAt(BigInt(Math.floor(Date.now() / 1000)));
  }

  /** chainTime is the median of what members say that the chain's time is, in seconds; this tab's clock before anybody did. */
  private chainTime(c: Committee): bigint {
    const said = this.board.headsOf(c).map(({ head, seenAt }) => head.time + BigInt(Math.floor((performance.now() - seenAt) / 1000)));
    said.sort((a, b) => (a < b ? -1 : 1));
    return said[said.length >> 1] ?? BigInt(Math.floor(Date.now() / 1000));
  }

  /** changed calls the listeners once for all changes of one turn of the event loop. */
  private changed(): void {
    if (this.told) return;
    this.told = true;
    setTimeout(() => {
      this.told = false;
      for (const f of this.listeners) f();
    });
  }
}

/** exclusively runs f while no other tab of this origin does, where the browser can say so: two tabs may hold one account. */
async function exclusively<T>(name: string, f: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  return locks ? locks.request(name, f) : f();
}

function address(text: string): Hex {
  const lower = text.toLowerCase();
  if (!isHex(lower, 20)) throw new Refusal('INVALID_FORMAT', `${text} is not an address: want 0x and 40 hex digits`);
  return lower;
}
