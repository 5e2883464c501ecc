// The picture of the replication tree, as the server reports it: its upstream, itself, its replicas, and which of them
// is this tab.
//
// It is drawn anew when a node comes, leaves or changes its state; otherwise only words change, so that animations go
// on. A wide picture reads from left to right, a narrow one from top to bottom.

/** A replica as `TOWLINE STATUS` has it. */
export interface ReplicaReport {
  readonly node: string;
  readonly addr: string | null;
  readonly state: string;
  readonly applied: { readonly lag_records: number | null };
}

/** The part of the server's report that is drawn. */
export interface Tree {
  readonly node: string;
  readonly role: string;
  readonly client_addr: string | null;
  readonly upstream: { readonly addr: string | null; readonly state: string } | null;
  readonly replicas: readonly ReplicaReport[];
}

interface Box {
  readonly name: string;
  readonly where: string;
  readonly state: string;
  readonly look: string;
  /** True if the stream flows into the box, or out of it for an upstream. */
  readonly flows: boolean;
}

/** The most replicas that are drawn; more are counted, and so are those that are away. */
const REPLICAS_MAX = 8;
const BOX = { width: 210, height: 72 };
const GAP = 14;
const NARROW = 640;
const INDENT = 34;

let drawn = '';

/** This tab: its node, and the state of its link as the tab knows it. */
export interface Self {
  readonly node: string;
  readonly state: string;
}

/** Draws the tree into `place`; `answers` is true while the server still reports it. */
export function drawPicture(place: HTMLElement, tree: Tree, self: Self, answers: boolean): void {
  const middle: Box = {
    name: tree.role, where: tree.client_addr ?? tree.node,
    state: !answers ? 'does not answer' : tree.role === 'primary' ? 'takes writes' : 'passes writes on',
    look: answers ? '' : 'gone', flows: false,
  };
  const { upstream } = tree;
  const above: Box[] = upstream === null ? [] : [{
    name: 'upstream', where: upstream.addr ?? 'none', state: upstream.state,
    look: upstream.state === 'streaming' ? '' : 'gone', flows: upstream.state === 'streaming',
  }];
  const below = replicas(tree.replicas, self, answers);
  const narrow = place.clientWidth < NARROW;
  const shape = JSON.stringify([narrow, place.clientWidth, above, middle, below.map(({ state, ...box }) => box)]);
  if (shape !== drawn) {
    drawn = shape;
    place.replaceChildren(narrow ? tall(above, middle, below, place.clientWidth) : wide(above, middle, below));
  }
  place.querySelectorAll('.fed .state').forEach((text, index) => {
    text.textContent = below[index]?.state ?? '';
  });
  const fed = below.map((box) => `${box.name} ${box.where}, ${box.state}`).join('; ') || 'nobody';
  const from = above.map((box) => `${box.name} ${box.where} feeds `).join('');
  place.firstElementChild?.setAttribute('aria-label', `${from}${middle.name} ${middle.where}, which feeds ${fed}`);
}

function replicas(reports: readonly ReplicaReport[], self: Self, answers: boolean): Box[] {
  const here = (report: ReplicaReport): number => (report.node === self.node ? 0 : 1);
  const away = (report: ReplicaReport): boolean => report.state === 'away';
  const near = reports.filter((report) => !away(report) || here(report) === 0);
  near.sort((a, b) => here(a) - here(b) || (a.node < b.node ? -1 : 1));
  const boxes = near.slice(0, REPLICAS_MAX).map((report): Box => {
    const lag = report.applied.lag_records;
    const behind = lag === null || away(report) ? '' : lag === 0 ? ', nothing missing'
      : `, ${lag.toLocaleString('en')} behind`;
    const flows = answers && !away(report);
    const mine = report.node === self.node;
    // The server's last report no longer says how its replicas are now.
    const state = answers ? report.state + behind : mine ? self.state : 'unknown';
    return {
      name: mine ? 'this tab' : 'replica', where: report.addr?.replace(/^web /, '') ?? report.node,
      state, look: `fed${mine ? ' here' : ''}${flows ? '' : ' gone'}`, flows,
    };
  });
  const rest = (count: number, name: string, state: string, flows: boolean): Box[] => (count === 0 ? []
    : [{ name: `${count} ${name}`, where: '', state, look: flows ? 'fed' : 'fed gone', flows }]);
  const gone = reports.length - near.length;
  return [...boxes, ...rest(near.length - boxes.length, 'more', 'connected', answers),
    ...rest(gone, 'away', 'remembered, for their return', false)];
}

// --- layouts ---------------------------------------------------------------------------------------------------------

/** Draws columns: upstream, server, replicas; with curves between them. */
function wide(above: readonly Box[], middle: Box, below: readonly Box[]): SVGElement {
  const columns = above.length + 1 + (below.length > 0 ? 1 : 0);
  const rows = Math.max(1, below.length);
  const height = rows * (BOX.height + GAP) - GAP;
  const width = 940;
  const step = columns > 1 ? (width - BOX.width - 4) / (columns - 1) : 0;
  const svg = element('svg', { viewBox: `-2 -2 ${width} ${height + 4}`, role: 'img' });
  const centre = (height - BOX.height) / 2;
  const at = (column: number): number => column * step;
  const curve = (x: number, y: number, toX: number, toY: number): string => {
    const bend = (toX - x) / 2;
    return `M${x} ${y}C${x + bend} ${y} ${toX - bend} ${toY} ${toX} ${toY}`;
  };
  const lines = (box: Box, column: number, y: number, fromY: number): void => {
    svg.append(line(curve(at(column) + BOX.width, fromY + BOX.height / 2, at(column + 1), y + BOX.height / 2), box));
  };
  above.forEach((box) => lines(box, 0, centre, centre));
  below.forEach((box, row) => lines(box, above.length, row * (BOX.height + GAP), centre));
  above.forEach((box) => svg.append(card(box, 0, centre)));
  svg.append(card(middle, at(above.length), centre));
  below.forEach((box, row) => svg.append(card(box, at(above.length + 1), row * (BOX.height + GAP))));
  return svg;
}

/** Draws one box under the other; replicas are indented, with elbows. */
function tall(above: readonly Box[], middle: Box, below: readonly Box[], width: number): SVGElement {
  const step = BOX.height + GAP;
  const svg = element('svg', { role: 'img' });
  const from = above.length * step;
  const spine = INDENT / 2;
  above.forEach((box) => svg.append(line(`M${spine} ${BOX.height}V${step}`, box), card(box, 0, 0, width - 4)));
  // From the bottom up, so that moving lines lie on top.
  [...below.entries()].reverse().forEach(([row, box]) => {
    const y = from + (row + 1) * step + BOX.height / 2;
    svg.append(line(`M${spine} ${from + BOX.height}V${y - 10}Q${spine} ${y} ${spine + 10} ${y}H${INDENT}`, box));
  });
  svg.append(card(middle, 0, from, width - 4));
  below.forEach((box, row) => svg.append(card(box, INDENT, from + (row + 1) * step, width - 4 - INDENT)));
  svg.setAttribute('viewBox', `-2 -2 ${width} ${from + (below.length + 1) * step - GAP + 4}`);
  return svg;
}

function card(box: Box, x: number, y: number, width = BOX.width): SVGElement {
  const group = element('g', { class: box.look, transform: `translate(${x} ${y})` });
  group.append(element('rect', { width: String(width), height: String(BOX.height), rx: '11' }));
  const words = box.where === '' ? [['name', box.name, 31], ['state', box.state, 51]] as const
    : [['name', box.name, 23], ['where', box.where, 42], ['state', box.state, 60]] as const;
  for (const [look, text, down] of words) {
    const line = element('text', { class: look, x: '14', y: String(down) });
    line.textContent = text;
    group.append(line);
  }
  return group;
}

function line(path: string, box: Box): SVGElement {
  return element('path', { d: path, class: box.flows ? 'flows' : '' });
}

function element(name: string, attributes: Record<string, string>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  return made;
}
