/**
 * The dashboard's shell: what is shown and how it is arranged.
 *
 * It alone knows the address, in which the whole view is kept, and the stream.
 * Elements get properties and fire events.
 */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import type {
  ClusterStatus,
  MapLevel,
  SavefileAdded,
  WorkerStatus,
} from "../api/hub.ts";
import type { Schema } from "../entry/schema.ts";
import { quoteText } from "./model/kfl_text.ts";
import { appStyles } from "./app_styles.ts";
import type { HelpDialog, TimeDialog, TimeRange } from "./dialogs.ts";
import type { NodesDialog } from "./cluster/nodes_dialog.ts";
import type { TargetsDialog } from "./cluster/targets_dialog.ts";
import { withCode } from "./code_text.ts";
import { copyText } from "./detail/clipboard.ts";
import type { EntryDetail } from "./detail/entry_detail.ts";
import "./detail/entry_detail.ts";
import type { EntryList } from "./entry_list.ts";
import "./entry_list.ts";
import "./export_button.ts";
import { type NoticeAction, SAMPLE_COMMAND } from "./feed_notice.ts";
import "./feed_notice.ts";
import type { FilterBar } from "./filter/filter_bar.ts";
import "./filter/filter_bar.ts";
import {
  ask,
  Denied,
  entryUrl,
  fetchCluster,
  fetchSchema,
  fetchSeen,
  fetchWorkers,
  Refused,
  Unreachable,
} from "./hub.ts";
import * as icons from "./icons.ts";
import { inlineStyle } from "./inline_style.ts";
import { LiveQuery } from "./live_query.ts";
import type { EntryJson } from "./model/entry_json.ts";
import { formatClock, formatDay, zoneOffset } from "./model/format.ts";
import { type Action, actionOf } from "./model/keys.ts";
import type { AskValues } from "./model/known_values.ts";
import { isFollowing, readView, type View, writeView } from "./model/view.ts";
import "./savefile_drop.ts";
import { SHARE } from "./split_handle.ts";
import "./split_handle.ts";
import "./status_bar.ts";
import {
  applyTheme,
  storedLetters,
  storedTheme,
  storeLetters,
  type Theme,
  THEMES,
} from "./preferences.ts";

/** Between two looks at the workers, ms. */
const WORKERS_INTERVAL = 5000;

/** Elements that are dialogs. */
type Dialog = HelpDialog | TimeDialog | NodesDialog | TargetsDialog;

/** Elements that open a dialog. */
const DIALOGS = "time-dialog, help-dialog, nodes-dialog, targets-dialog";

/** How long a message stands, ms. */
const MESSAGE_TIME = 8000;

const THEME_ICONS = {
  system: icons.display,
  light: icons.sun,
  dark: icons.moon,
} as const;

export class ThresherApp extends LitElement {
  static override styles = appStyles;
  static override properties = {
    view: { state: true },
    schema: { state: true },
    workers: { state: true },
    cluster: { state: true },
    theme: { state: true },
    lettersAct: { state: true },
    share: { state: true },
    message: { state: true },
    isDenied: { state: true },
  };

  declare private view: View;
  declare private schema: Schema | undefined;
  declare private workers: readonly WorkerStatus[];
  /** `null` where the hub watches none. */
  declare private cluster: ClusterStatus | null;
  declare private theme: Theme;
  /** Whether single letters are keys. */
  declare private lettersAct: boolean;
  /** Of the width, for the details. */
  declare private share: number;
  declare private message: string | undefined;
  declare private isDenied: boolean;
  readonly #query = new LiveQuery(this);
  readonly #closing = new AbortController();
  #isLooking = false;
  /** Whether something was heard meanwhile for which to look once more. */
  #looksAgain = false;
  /** Counts what was shown, so that nothing older comes in its place. */
  #shown = 0;
  /** Counts how often all was asked for, since a token was given. */
  #begun = 0;
  #loadingOverview: Promise<boolean> | undefined;
  #loadingMap: Promise<boolean> | undefined;
  #loadingLogin: Promise<boolean> | undefined;
  /** Who answers what is shown, and who does not. */
  #nodes = "";
  #polling: ReturnType<typeof setInterval> | undefined;
  #forgetting: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.view = readView(location.search);
    this.workers = [];
    this.cluster = null;
    this.theme = storedTheme();
    this.lettersAct = storedLetters();
    this.share = SHARE.usual;
    this.isDenied = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const { signal } = this.#closing;
    addEventListener("popstate", this.#onHistory, { signal });
    addEventListener("keydown", this.#onKey, { signal });
    this.#polling = setInterval(this.#poll, WORKERS_INTERVAL);
    this.#begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#closing.abort();
    clearInterval(this.#polling);
    clearTimeout(this.#forgetting);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("view")) document.title = titleOf(this.view);
    this.#followNodes();
  }

  protected override render(): unknown {
    if (this.isDenied || this.#query.phase.kind === "denied") {
      this.#loadingLogin ??= this.#load(import("./dialogs.ts"));
      return html`
        <main class="login">
          <h1>${icons.brand}Thresher</h1>
          <login-form @session-open=${this.#begin}></login-form>
        </main>
      `;
    }
    const { view } = this;
    const query = this.#query;
    const isStill = !isFollowing(view);
    return html`
      <header>
        <h1 title="Thresher">${icons.brand}<span>Thresher</span></h1>
        <filter-bar
          .value=${view.kfl}
          .schema=${this.schema}
          .askValues=${this.#askValues}
          @filter-apply=${({ detail }: CustomEvent<string>) =>
            this.#show({ kfl: detail })}
        ></filter-bar>
        <nav aria-label="View">${this.#buttons()}</nav>
      </header>
      ${this.#banner()}
      <main
        class=${view.entry ? "with-detail" : ""}
        @page-message=${this.#onMessage}
      >
        <section aria-label="Traffic">
          ${view.map
            ? this.#map(view.map)
            : view.counts
            ? this.#overview()
            : nothing}
          <div class="feed">
          <entry-list
            .store=${query.store}
            .older=${query.older}
            .following=${!isStill}
            .canFollow=${view.to === undefined}
            .utc=${view.utc}
            .open=${view.entry}
            @feed-pause=${this.#pause}
            @feed-follow=${this.#follow}
            @feed-older=${() => query.loadOlder()}
            @feed-before=${({ detail }: CustomEvent<number>) =>
              this.#show({ from: undefined, to: detail, at: undefined })}
            @feed-seen=${({ detail }: CustomEvent<number>) =>
              this.#onSeen(detail)}
            @entry-open=${({ detail }: CustomEvent<string>) =>
              this.#open(detail)}
          ></entry-list>
          ${query.store.count > 0 ? nothing : html`
            <feed-notice
              .phase=${query.phase}
              .view=${view}
              .workers=${this.workers}
              @notice-action=${({ detail }: CustomEvent<NoticeAction>) =>
                this.#act(detail)}
            ></feed-notice>
          `}
          </div>
        </section>
        ${view.entry ? this.#detail(view.entry) : nothing}
      </main>
      <footer>
        <status-bar
          .phase=${query.phase}
          .paused=${view.at !== undefined}
          .count=${query.store.count}
          .rate=${query.rate}
          .late=${query.late}
          .progress=${query.progress}
          .coverage=${query.coverage}
          .warnings=${query.warnings}
          .workers=${this.workers}
          .from=${view.from}
          .hasHole=${query.hasHole}
          .utc=${view.utc}
          @zone-toggle=${() => this.#perform("zone")}
          @nodes-open=${() => this.#perform("nodes")}
          @query-retry=${this.#ask}
        ></status-bar>
      </footer>
      <savefile-drop
        @savefile-added=${({ detail }: CustomEvent<SavefileAdded>) =>
          this.#onSavefile(detail)}
        @page-message=${this.#onMessage}
      ></savefile-drop>
      <time-dialog
        .range=${{ from: view.from, to: view.to ?? view.at }}
        .utc=${view.utc}
        @time-apply=${({ detail }: CustomEvent<TimeRange>) =>
          this.#show({ from: detail.from, to: detail.to, at: undefined })}
      ></time-dialog>
      <nodes-dialog
        .workers=${this.workers}
        .utc=${view.utc}
        @workers-wanted=${this.#lookAtWorkers}
      ></nodes-dialog>
      <targets-dialog></targets-dialog>
      <help-dialog
        .lettersAct=${this.lettersAct}
        @letters-change=${({ detail }: CustomEvent<boolean>) =>
          storeLetters(this.lettersAct = detail)}
      ></help-dialog>
      <div class="message" role="alert">${this.message && html`
        <div>${this.message}
          <button class="icon" aria-label="Dismiss" @click=${() =>
            this.message = undefined}>${icons.close}</button></div>
      `}</div>
    `;
  }

  #buttons(): unknown {
    const { view } = this;
    const isStill = !isFollowing(view);
    return html`
      <button class="time" @click=${() => this.#perform("time")}
        title="Choose what time is shown (t)">
        ${icons.clock}<span>${this.#timeText()}</span></button>
      ${view.to === undefined
        ? html`
          <button aria-pressed=${isStill} class="still"
            title=${isStill
              ? "Follow the newest (Space)"
              : "Stand still (Space)"}
            @click=${() => this.#perform("toggle-follow")}>
                      ${isStill ? icons.play : icons.pause}
                      <span>${isStill ? "Resume" : "Pause"}</span></button>
        `
        : nothing}
      <export-button .kfl=${view.kfl} .from=${view.from} .to=${view.to}
        @page-message=${this.#onMessage}></export-button>
      <button @click=${() => this.#perform("counts")}
        aria-pressed=${view.counts} title="How much, how slow, by whom (s)">
        ${icons.chart}<span class="word">Statistics</span></button>
      <button @click=${() => this.#perform("map")}
        aria-pressed=${view.map !== undefined} title="Who speaks with whom (m)">
        ${icons.network}<span class="word">Map</span></button>
      ${this.cluster && html`
        <button @click=${() => this.#perform("pods")}
          title="Which pods are captured (p)">
          ${icons.target}<span class="word">Pods</span></button>
      `}
      <span class="rule"></span>
      <button class="icon" @click=${this.#nextTheme}
        aria-label="Colours: ${this.theme}" title="Colours: ${this.theme}">
        ${THEME_ICONS[this.theme]}</button>
      <button class="icon" aria-label="Keys" title="Keys (?)"
        @click=${() => this.#perform("help")}>${icons.help}</button>
    `;
  }

  /** What the answer amounts to; what draws it comes when it is wanted. */
  #overview(): unknown {
    this.#loadingOverview ??= this.#load(
      import("./overview/overview_panel.ts"),
    );
    const { kfl, from, to, utc } = this.view;
    return html`
      <overview-panel
        .kfl=${kfl}
        .from=${from}
        .to=${to}
        .utc=${utc}
        @range-pick=${({ detail }: CustomEvent<TimeRange>) =>
          this.#show({ ...detail, at: undefined })}
        @filter-add=${this.#onAdd}
      ></overview-panel>
    `;
  }

  /** Who speaks with whom; what draws it comes when it is wanted. */
  #map(level: MapLevel): unknown {
    this.#loadingMap ??= this.#load(import("./map/service_map.ts"));
    const { kfl, from, to, utc } = this.view;
    return html`
      <service-map
        .kfl=${kfl}
        .from=${from}
        .to=${to}
        .utc=${utc}
        .level=${level}
        @level-change=${({ detail }: CustomEvent<MapLevel>) =>
          this.#note({ map: detail })}
        @table-wanted=${() => this.#perform("counts")}
        @filter-add=${this.#onAdd}
      ></service-map>
    `;
  }

  #detail(id: string): unknown {
    return html`
      <split-handle .share=${this.share}
        @share-change=${({ detail }: CustomEvent<number>) =>
          this.share = detail}></split-handle>
      <aside aria-label="Details" ${inlineStyle({
        "--share": String(this.share),
      })}>
        <entry-detail
          .entryId=${id}
          .kfl=${this.view.kfl}
          @filter-add=${this.#onAdd}
          @filter-apply=${({ detail }: CustomEvent<string>) =>
            this.#show({ kfl: detail })}
          @connection-follow=${({ detail }: CustomEvent<string>) =>
            this.#show({ kfl: detail })}
          @close=${() => this.#open(undefined)}
        ></entry-detail>
      </aside>
    `;
  }

  /** What went wrong while there are rows: they stay. */
  #banner(): unknown {
    const { phase, store } = this.#query;
    if (store.count === 0) return nothing;
    switch (phase.kind) {
      case "lost": {
        const left = Math.ceil((phase.retryAt - Date.now()) / 1000);
        return banner(
          "The hub cannot be reached.",
          "Try now",
          () => this.#query.retry(),
          left > 0 ? `Trying again in ${left} s.` : "Trying again.",
        );
      }
      case "outdated":
        return banner(
          "Thresher was updated, and this page is of another version.",
          "Reload",
          () => location.reload(),
        );
      case "failed":
        return banner(withCode(phase.failure.message), "Ask again", this.#ask);
      default:
        return nothing;
    }
  }

  /** The stretch of time that is shown, in short. */
  #timeText(): string {
    const { from, to, utc } = this.view;
    if (from === undefined && to === undefined) return "All";
    const now = Date.now() * 1000;
    const text = (time: number) => {
      const offset = utc ? 0 : zoneOffset(time);
      const day = formatDay(time, offset);
      const clock = formatClock(time, offset).replace(/(:00)?\.000$/, "");
      return day === formatDay(now, offset) ? clock : `${day} ${clock}`;
    };
    if (from === undefined) return `until ${text(to!)}`;
    if (to === undefined) return `since ${text(from)}`;
    return `${text(from)} – ${text(to)}`;
  }

  /** Values of the time that the next query is about; nobody waits for them. */
  readonly #askValues: AskValues = async (wanted) => {
    const { from, to } = this.view;
    const begun = this.#begun;
    try {
      return (await fetchSeen({ ...wanted, from, to })).values;
    } catch (error) {
      if (error instanceof Denied) this.#deny(begun);
      else if (!(error instanceof Refused || error instanceof Unreachable)) {
        throw error;
      }
      return [];
    }
  };

  /** Asks anew for all that the page shows. */
  readonly #begin = (): void => {
    this.#begun++;
    this.isDenied = false;
    this.#ask();
    this.#lookAtWorkers();
    this.#learn();
  };

  /** Which fields there are, and whether there is a cluster. */
  #learn(): void {
    this.#guard(async () => this.schema = await fetchSchema());
    this.#guard(async () => this.cluster = await fetchCluster());
  }

  readonly #poll = (): void => {
    if (this.isDenied || document.hidden) return;
    this.#lookAtWorkers();
    // The hub was away just then.
    if (!this.schema) this.#learn();
  };

  readonly #ask = (): void => {
    const { kfl, from, to, at } = this.view;
    this.#query.ask({ kfl, from, to: at ?? to });
  };

  /** Looks at the workers, once at a time: one that hangs takes a while. */
  readonly #lookAtWorkers = (): void => {
    if (this.isDenied || document.hidden) return;
    if (this.#isLooking) {
      this.#looksAgain = true;
      return;
    }
    this.#isLooking = true;
    this.#looksAgain = false;
    void this.#guard(async () => this.workers = await fetchWorkers())
      .finally(() => {
        this.#isLooking = false;
        if (this.#looksAgain) this.#lookAtWorkers();
      });
  };

  /** Whoever comes, goes or is back tells so in the answer, at once. */
  #followNodes(): void {
    const nodes = this.#query.coverage.map(({ node, missing }) =>
      `${node} ${missing?.since}`
    ).join();
    if (nodes === this.#nodes) return;
    this.#nodes = nodes;
    this.#lookAtWorkers();
  }

  /** Runs what asks the hub; that it is away, the stream tells. */
  async #guard(task: () => Promise<unknown>): Promise<void> {
    const begun = this.#begun;
    try {
      await task();
    } catch (error) {
      if (error instanceof Denied) this.#deny(begun);
      else if (error instanceof Refused) this.#say(`${error.message}.`);
      else if (!(error instanceof Unreachable)) throw error;
    }
  }

  /** The hub wants its token, unless it was given since that was asked. */
  #deny(begun: number): void {
    if (begun === this.#begun) this.isDenied = true;
  }

  /** Another question, or another view of the same. */
  #show(change: Partial<View>): void {
    this.#shown++;
    const before = this.view;
    this.view = { ...before, at: undefined, ...change };
    history.pushState(null, "", address(this.view));
    this.#ask();
  }

  /** What can be undone by hand needs no step in the history. */
  #note(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    history.replaceState(null, "", address(this.view));
  }

  #open(entry: string | undefined): void {
    if (entry === this.view.entry) return;
    this.#note({ entry });
    if (entry === undefined) this.#list?.focus();
  }

  readonly #pause = (): void => {
    const { store } = this.#query;
    this.#query.hold(true);
    const at = store.timeOf(store.end - 1) ?? Date.now() * 1000;
    this.#note({ at });
  };

  readonly #follow = (): void => {
    this.#note({ at: undefined });
    // A page that was opened standing still has nothing to go on with.
    if (this.#query.isLive) this.#query.hold(false);
    else this.#ask();
  };

  #onSeen(at: number): void {
    if (this.view.at !== undefined) this.#note({ at });
  }

  readonly #onHistory = (): void => {
    this.#shown++;
    this.view = readView(location.search);
    this.#ask();
  };

  readonly #onMessage = ({ detail }: Event & { detail?: string }): void => {
    if (detail) this.#say(detail);
  };

  #say(message: string): void {
    this.message = message;
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => this.message = undefined, MESSAGE_TIME);
  }

  readonly #onAdd = ({ detail }: CustomEvent): void => {
    const bar = this.renderRoot.querySelector<FilterBar>("filter-bar");
    void bar?.add([detail].flat()).then((isAdded) => {
      if (!isAdded) this.#say("That value cannot be asked for.");
    });
  };

  /** Shows what was dropped on the page. */
  #onSavefile({ node, first, damage }: SavefileAdded): void {
    const kfl = `node.name == ${quoteText(node)}`;
    this.#show({ kfl, entry: undefined, from: undefined, to: undefined });
    if (damage) this.#say(`${node} is damaged: ${damage}`);
    else if (first === undefined) this.#say(`${node} has no packets.`);
    this.#lookAtWorkers();
  }

  #act(action: NoticeAction): void {
    switch (action) {
      case "clear-filter":
        return this.#show({ kfl: "" });
      case "show-all":
        return this.#show({ from: undefined, to: undefined });
      case "retry":
        return this.#query.retry();
      case "reload":
        return location.reload();
      case "copy-sample":
        void copyText(SAMPLE_COMMAND);
        return this.#say("Copied. Run it in a terminal.");
    }
  }

  readonly #nextTheme = (): void => {
    const next = (THEMES.indexOf(this.theme) + 1) % THEMES.length;
    applyTheme(this.theme = THEMES[next]!);
  };

  get #list(): EntryList | null {
    return this.renderRoot.querySelector("entry-list");
  }

  get #entryDetail(): EntryDetail | null {
    return this.renderRoot.querySelector("entry-detail");
  }

  /** Whether a dialog is open: keys are its own, whatever has the focus. */
  get #hasDialog(): boolean {
    return [...this.renderRoot.querySelectorAll(DIALOGS)].some((each) =>
      each.shadowRoot?.querySelector("dialog[open]")
    );
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey) return;
    const [target] = event.composedPath();
    if (!(target instanceof Element)) return;
    // What was just closed has the focus until the next frame.
    const isGone = !target.checkVisibility();
    if (event.altKey || !isGone && isWriting(event)) return;
    if (this.#hasDialog) return;
    const isFree = isGone || target === document.body ||
      target.getAttribute("role") === "grid";
    const action = actionOf(
      event.key,
      isFree || event.key === "Escape",
      this.lettersAct,
    );
    if (!action) return;
    event.preventDefault();
    this.#perform(action);
  };

  #perform(action: Action): void {
    const list = this.#list;
    switch (action) {
      case "up":
      case "down":
      case "page-up":
      case "page-down":
      case "first":
        return list?.move(action);
      case "last":
        if (this.view.to !== undefined) return list?.move("last");
        return isFollowing(this.view) ? undefined : this.#follow();
      case "open":
        return list?.openCurrent();
      case "back":
        return this.#open(undefined);
      case "toggle-follow":
        if (this.view.to !== undefined) return;
        return isFollowing(this.view) ? this.#pause() : this.#follow();
      case "filter":
        return this.renderRoot.querySelector<FilterBar>("filter-bar")?.focus();
      case "connection":
        return void this.#guard(() => this.#showConnection());
      case "previous-tab":
        return this.#entryDetail?.turn(-1);
      case "next-tab":
        return this.#entryDetail?.turn(1);
      case "copy":
        return this.#entryDetail?.copyAsCurl();
      case "download":
        return this.#downloadPackets();
      case "time":
        return void this.#showDialog("time-dialog", import("./dialogs.ts"));
      case "zone":
        return this.#note({ utc: !this.view.utc });
      case "counts":
        return this.#note({ counts: !this.view.counts, map: undefined });
      case "map": {
        const map = this.view.map ? undefined : "name";
        return this.#note({ map, counts: false });
      }
      case "nodes":
        return void this.#showDialog(
          "nodes-dialog",
          import("./cluster/nodes_dialog.ts"),
        );
      case "pods":
        if (!this.cluster) return this.#say("This hub watches no cluster.");
        return void this.#showDialog(
          "targets-dialog",
          import("./cluster/targets_dialog.ts"),
        );
      case "help":
        return void this.#showDialog("help-dialog", import("./dialogs.ts"));
    }
  }

  /** Shows what is loaded only when somebody wants to see it. */
  async #showDialog(
    name: string,
    loading: Promise<unknown>,
  ): Promise<void> {
    // Somebody may have been faster than the script, and opened another.
    if (!await this.#load(loading) || this.#hasDialog) return;
    await this.renderRoot.querySelector<Dialog>(name)?.show();
  }

  /** Waits for a script; says so where it cannot be had. @returns if it can */
  async #load(script: Promise<unknown>): Promise<boolean> {
    try {
      await script;
      return true;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.#say("The hub cannot be reached.");
      return false;
    }
  }

  /** Only what the two ends of the current entry said to each other. */
  async #showConnection(): Promise<void> {
    const id = this.#list?.currentId;
    if (id === undefined) return this.#say("Pick an entry first: press j.");
    const shown = this.#shown;
    const entry: EntryJson = await (await ask(entryUrl(id))).json();
    // With it comes the parser of filters, which nobody waits for otherwise.
    const { connectionQuery } = await import("./model/connection.ts");
    // Whoever asked for something else meanwhile wants that.
    if (shown !== this.#shown) return;
    this.#show({ kfl: connectionQuery(entry, this.view.kfl) });
  }

  #downloadPackets(): void {
    const id = this.#list?.currentId;
    if (id === undefined) return this.#say("Pick an entry first: press j.");
    const link = document.createElement("a");
    link.href = entryUrl(id, "packets");
    link.download = "";
    link.click();
  }
}
customElements.define("thresher-app", ThresherApp);

/** @param passing text that is not read out, since it changes every second */
function banner(
  text: unknown,
  action: string,
  onAction: () => void,
  passing: string = "",
): unknown {
  return html`<div class="banner">${icons.warning}
    <span role="status">${text}</span>
    <span aria-hidden="true">${passing}</span>
    <button @click=${onAction}>${action}</button></div>`;
}

const address = (view: View): string =>
  `${location.pathname}${writeView(view)}`;

const titleOf = ({ kfl }: View): string =>
  kfl === "" ? "Thresher" : `${kfl} – Thresher`;

/** Whether a key belongs to a text that is being written. */
function isWriting(event: Event): boolean {
  return event.composedPath().some((node) =>
    node instanceof HTMLElement &&
    (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName))
  );
}
