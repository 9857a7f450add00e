// SPDX-License-Identifier: BSD-2-Clause
// The report page with scripts on: a table of the rows that are looked at, filters, details.
// The order of fields in a cell is that of reports/html.py, _Packer.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const MARKS = {
    conforms: "✓", deviates: "✗", varies: "≠", known: "!", fixed: "✚", unpredicted: "?",
    inconclusive: "…",
  };
  const BAD = new Set(["deviates", "varies", "fixed", "inconclusive"]);
  const CELLS_AT_ONCE = 1500; // what a browser lays out without a pause that is felt
  const parts = data.rows.map((id) => id.split("/"));
  const state = { rows: [], columns: [], shown: 0, row: 0, column: 0 };

  const escapeText = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  const number = (n) => n.toLocaleString("en");
  const total = (pairs) => pairs.reduce((sum, [, n]) => sum + n, 0);

  // ------------------------------------------------------------------ shares, as in shares.py

  function percent(rate) {
    const value = 100 * rate;
    const distance = Math.min(value, 100 - value);
    if (distance <= 0) return `${value.toFixed(0)} %`;
    const digits = Math.max(0, 1 - Math.floor(Math.log10(distance)));
    const text = value.toFixed(Math.min(digits, 20));
    return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text} %`;
  }

  const bound = (trials) => (trials ? Math.min(1, 3 / trials) : 1);

  function interval(count, trials) {
    if (!trials) return [0, 1];
    if (count === 0) return [0, bound(trials)];
    if (count === trials) return [1 - bound(trials), 1];
    const z = 1.96;
    const share = count / trials;
    const scale = 1 + (z * z) / trials;
    const middle = (share + (z * z) / (2 * trials)) / scale;
    const spread = (share * (1 - share)) / trials + (z * z) / (4 * trials * trials);
    const half = (z / scale) * Math.sqrt(spread);
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  }

  function shareText(count, trials) {
    const head = `${number(count)} of ${number(trials)}`;
    if (!trials || ((count === 0 || count === trials) && trials <= 3)) return head;
    if (count === 0) return `${head}; < ${percent(bound(trials))}`;
    if (count === trials) return `${head}; > ${percent(1 - bound(trials))}`;
    return `${head}; ${percent(count / trials)}`;
  }

  // ------------------------------------------------------------------ cells

  function outcomePairs(flat) {
    const pairs = [];
    for (let i = 0; i < flat.length; i += 2) pairs.push([data.outcomes[flat[i]], flat[i + 1]]);
    return pairs.sort((a, b) => b[1] - a[1]);
  }

  function spread(pairs) {
    const all = total(pairs);
    if (pairs.length === 1) {
      const [word] = pairs[0];
      return all > 3 ? `${word} > ${percent(1 - bound(all))}` : `${word} ${all}×`;
    }
    return pairs.map(([word, n]) => `${word} ${percent(n / all)}`).join(", ");
  }

  function sightingPairs(cell) {
    const [seen = 0, missed = 0] = cell[3] || [];
    return [["seen", seen], ["missed", missed]].filter(([, n]) => n).sort((a, b) => b[1] - a[1]);
  }

  function kindOf(cell) {
    if (cell === 0) return "empty";
    if (Array.isArray(cell)) return data.verdicts[data.judged[cell[0]][0]];
    return cell > 0 ? "predicted" : "unsupported";
  }

  function textOf(cell) {
    if (cell === 0) return "";
    if (!Array.isArray(cell)) return cell > 0 ? `(${data.expected[cell - 1][0]})` : "–";
    const pairs = outcomePairs(cell[2] || []);
    if (!pairs.length) return "no trials";
    const seen = sightingPairs(cell);
    const mark = ["", "+ ", "~ "][cell[7] || 0];
    return mark + spread(pairs) + (seen.length ? `; ${spread(seen)}` : "");
  }

  // ------------------------------------------------------------------ filters

  function matcher(text) {
    const wanted = text.trim();
    const question = data.questions.find(([name]) => name.toLowerCase() === wanted.toLowerCase());
    const patterns = question ? question[1] : /[*?]/.test(wanted) ? [wanted] : null;
    if (patterns) {
      const globs = patterns.map((glob) => new RegExp(`^${globSource(glob)}$`));
      return (id) => globs.some((glob) => glob.test(id));
    }
    const words = wanted.toLowerCase().split(/\s+/);
    return (id) => words.every((word) => id.toLowerCase().includes(word));
  }

  const globSource = (glob) =>
    glob.replace(/[.+^${}()|\\[\]]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");

  function chosenColumns(platform) {
    const every = data.columns.map((_, i) => i);
    if (platform === "") return every;
    if (platform === "measured") return every.filter((i) => data.columns[i][1]);
    return [Number(platform)];
  }

  function verdictTest(wanted) {
    if (wanted === "") return () => true;
    if (wanted === "bad") return (cell) => BAD.has(kindOf(cell));
    return (cell) => kindOf(cell) === wanted;
  }

  function axisTest() {
    const chosen = [...at("axes").querySelectorAll("select")].filter((s) => s.value !== "");
    return (split) => chosen.every((select) => {
      const port = select.dataset.port === "1";
      return (split[0] === "blockif") === port && split[Number(select.dataset.part)] === select.value;
    });
  }

  function filter() {
    const takesId = matcher(at("text").value);
    const takesAxes = axisTest();
    const takesCell = verdictTest(at("verdict").value);
    const narrow = at("platform").value !== "" || at("verdict").value !== "";
    state.columns = chosenColumns(at("platform").value);
    state.rows = [];
    data.rows.forEach((id, row) => {
      if (!takesId(id) || !takesAxes(parts[row])) return;
      const cells = state.columns.map((column) => data.cells[column][row]);
      if (!narrow || cells.some((cell) => cell !== 0 && takesCell(cell))) state.rows.push(row);
    });
    draw();
  }

  // ------------------------------------------------------------------ the table

  function draw() {
    const heads = state.columns.map((column) => {
      const [label, measured] = data.columns[column];
      const kind = measured ? "measured" : "predicted";
      return `<th scope="col" class="${kind}">${escapeText(label)}</th>`;
    });
    at("head").innerHTML = `<tr><th scope="col">case</th>${heads.join("")}</tr>`;
    at("body").innerHTML = "";
    state.shown = state.row = state.column = 0;
    at("scroll").scrollTop = 0;
    at("count").textContent = `${number(state.rows.length)} of ${number(data.rows.length)} cases`;
    drawMore();
  }

  const rowsAtOnce = () => Math.max(10, Math.floor(CELLS_AT_ONCE / state.columns.length));

  function drawMore(count = rowsAtOnce()) {
    const rows = state.rows.slice(state.shown, state.shown + count);
    at("body").insertAdjacentHTML("beforeend", rows.map(rowMarkup).join(""));
    const first = state.shown === 0;
    state.shown += rows.length;
    at("more").hidden = state.shown >= state.rows.length;
    if (first && rows.length) cellElement(0, 0).tabIndex = 0;
  }

  function rowMarkup(row) {
    const cells = state.columns.map((column) => cellMarkup(data.cells[column][row]));
    const id = escapeText(data.rows[row]).replaceAll("/", "/<wbr>");
    return `<tr><th scope="row">${id}</th>${cells.join("")}</tr>`;
  }

  function cellMarkup(cell) {
    const kind = kindOf(cell);
    const mark = MARKS[kind] ? ` <span aria-hidden="true">${MARKS[kind]}</span>` : "";
    const label = MARKS[kind] ? ` aria-label="${escapeText(textOf(cell))}, ${kind}"` : "";
    return `<td class="${kind}" tabindex="-1"${label}>${escapeText(textOf(cell))}${mark}</td>`;
  }

  const cellElement = (row, column) => at("body").rows[row].cells[column + 1];

  function placeOf(element) {
    const cell = element.closest("td");
    return cell && [cell.parentElement.sectionRowIndex, cell.cellIndex - 1];
  }

  function focusCell(row, column) {
    if (row >= state.shown) drawMore();
    const to = [Math.min(Math.max(row, 0), state.shown - 1),
      Math.min(Math.max(column, 0), state.columns.length - 1)];
    cellElement(state.row, state.column).tabIndex = -1;
    [state.row, state.column] = to;
    const cell = cellElement(...to);
    cell.tabIndex = 0;
    cell.focus();
  }

  const KEYS = {
    ArrowUp: (r, c) => [r - 1, c], ArrowDown: (r, c) => [r + 1, c],
    ArrowLeft: (r, c) => [r, c - 1], ArrowRight: (r, c) => [r, c + 1],
    PageUp: (r, c) => [r - 20, c], PageDown: (r, c) => [r + 20, c],
    Home: (r) => [r, 0], End: (r) => [r, state.columns.length - 1],
  };

  function onKey(event) {
    const place = placeOf(event.target);
    if (!place) return;
    if (event.key === "Enter" || event.key === " ") open(...place);
    else if (KEYS[event.key]) focusCell(...KEYS[event.key](...place));
    else return;
    event.preventDefault();
  }

  // ------------------------------------------------------------------ the detail of a cell

  function open(row, column) {
    [state.row, state.column] = [row, column];
    show(state.rows[row], state.columns[column]);
  }

  function show(row, column) {
    const cell = data.cells[column][row];
    const [label, , about] = data.columns[column];
    const id = data.rows[row];
    const body = [
      `<h2 id="detail-title">${escapeText(id)} on ${escapeText(label)}</h2>`,
      '<button type="button" class="close">Close</button>',
      ...(Array.isArray(cell) ? measuredMarkup(cell) : unmeasuredMarkup(cell)),
      "<h3>Platform</h3>", listMarkup(about), "<h3>To reproduce</h3>", reproduceMarkup(id, cell),
    ];
    at("detail").innerHTML = body.join("");
    at("detail").querySelector(".close").addEventListener("click", () => at("detail").close());
    at("detail").showModal();
    history.replaceState(null, "", `#case=${encodeURIComponent(id)}&on=${encodeURIComponent(label)}`);
  }

  const listMarkup = (lines) => `<ul>${lines.map((l) => `<li>${escapeText(l)}</li>`).join("")}</ul>`;

  function unmeasuredMarkup(cell) {
    if (cell === 0) return ["<p>Neither measured nor predicted.</p>"];
    if (cell < 0) return [`<p>It cannot be run there: ${escapeText(data.reasons[-1 - cell])}.</p>`];
    return ["<p>Predicted, not measured.</p>", ...expectedMarkup(cell - 1)];
  }

  function expectedMarkup(index) {
    const [text, ...entries] = data.expected[index];
    const sources = [...new Set(entries.filter((i) => i >= 0))].map((i) => {
      const [source, bug] = data.entries[i];
      return `<li>${escapeText(source)}${bug ? `; known bug: ${bugMarkup(bug)}` : ""}</li>`;
    });
    return ["<h3>Expected</h3>", `<p>${escapeText(text)}</p>`, `<ul>${sources.join("")}</ul>`];
  }

  function bugMarkup(address) {
    const safe = address.startsWith("https://");
    const text = escapeText(address);
    return safe ? `<a href="${text}" rel="noreferrer">${text}</a>` : text;
  }

  function measuredMarkup(cell) {
    const [verdict, reason] = data.judged[cell[0]];
    const name = data.verdicts[verdict];
    const pairs = outcomePairs(cell[2] || []);
    const out = [`<p class="${name}">${MARKS[name] || ""} ${name}: ${escapeText(reason)}</p>`];
    out.push(...expectedMarkup(cell[1]), "<h3>Measured</h3>");
    if (pairs.length) out.push(barsMarkup(pairs), factsMarkup(cell, pairs));
    if (cell[4] && cell[4].length) out.push("<h3>From send to return</h3>", latencyMarkup(cell[4]));
    if (cell[8] && cell[8].length) out.push("<h3>Sweep</h3>", sweepMarkup(cell[8]));
    return out;
  }

  function factsMarkup(cell, pairs) {
    const trials = total(pairs);
    const [seen = 0, missed = 0, watcher = 0, target = 0] = cell[3] || [];
    const [own = 0, bystander = 0, others = 0] = cell[6] || [];
    const lines = pairs.map(([word, n]) => `${word}: ${shareText(n, trials)}`);
    if (seen + missed) {
      lines.push(`seen by the watcher: ${shareText(seen, seen + missed)}`);
      lines.push(`first in user space: watcher ${number(watcher)}, target ${number(target)}`);
    }
    lines.push(`reached the situation: ${shareText(cell[5] ? cell[5][0] : trials, trials)}`);
    lines.push(`method: ${data.methods[cell[7] || 0]}`);
    if (own + bystander + others) {
      lines.push(`handler runs: target ${number(own)}, bystander ${number(bystander)}, ` +
        `elsewhere ${number(others)}`);
    }
    if (cell[9]) lines.push(cell[9]);
    return listMarkup(lines);
  }

  function barsMarkup(pairs) {
    const most = Math.max(...pairs.map(([, n]) => n));
    const rows = pairs.map(([word, n], i) => `<text x="0" y="${i * 24 + 16}">${escapeText(word)}</text>
      <rect class="bar" x="110" y="${i * 24 + 4}" height="16" width="${(360 * n) / most || 1}"/>
      <text x="480" y="${i * 24 + 16}">${number(n)}</text>`);
    const height = pairs.length * 24 + 4;
    return `<svg role="img" aria-label="Trials by outcome: ${escapeText(spread(pairs))}"
      viewBox="0 0 560 ${height}" width="560" height="${height}">${rows.join("")}</svg>`;
  }

  function time(ns) {
    const steps = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]];
    const [scale, unit] = steps.find(([size]) => ns >= size) || [1, "ns"];
    return `${Number((ns / scale).toPrecision(3))} ${unit}`;
  }

  function latencyMarkup([p50, p99, longest, first, digits]) {
    const words = `median ${time(p50)}, 99 % within ${time(p99)}, longest ${time(longest)}`;
    const wide = Math.min(48, 540 / digits.length);
    const bars = [...digits].map((digit, i) => {
      const height = (120 * parseInt(digit, 36)) / 35;
      const label = i % Math.ceil(60 / wide) ? "" :
        `<text x="${i * wide}" y="148">${time(2 ** (first + i))}</text>`;
      return `<rect class="bar" x="${i * wide}" y="${128 - height}" width="${wide - 2}"
        height="${height}"/>${label}`;
    });
    return `<p>${words}. A bar stands for twice as long as the one before.</p>
      <svg role="img" aria-label="Latency histogram: ${words}"
      viewBox="0 0 560 156" width="560" height="156">${bars.join("")}
      <line class="axis" x1="0" x2="560" y1="129" y2="129"/></svg>`;
  }

  function sweepMarkup(steps) {
    const names = [...new Set(steps.flatMap(([, ...flat]) => outcomePairs(flat).map(([w]) => w)))];
    const shown = names.filter((name) => name !== "ambiguous").slice(0, 2);
    const [low, high] = [steps[0][0], steps[steps.length - 1][0]];
    const x = (offset) => 40 + (500 * (offset - low)) / (high - low || 1);
    const y = (share) => 180 - 160 * share;
    const drawn = shown.map((name, i) => {
      const points = steps.map(([offset, ...flat]) => {
        const pairs = outcomePairs(flat);
        const count = total(pairs.filter(([word]) => word === name));
        return [x(offset), count / (total(pairs) || 1), ...interval(count, total(pairs))];
      });
      const line = points.map(([px, share]) => `${px},${y(share)}`).join(" ");
      const lower = points.map(([px, , from]) => `${px},${y(from)}`);
      const upper = points.map(([px, , , to]) => `${px},${y(to)}`).reverse();
      return `<polygon class="band" points="${[...lower, ...upper].join(" ")}"/>
        <polyline class="curve${i ? " second" : ""}" points="${line}"/>`;
    });
    const label = `Share of ${shown.join(" and ")} by the entry's offset from the send`;
    return `<p>${label}, ${low} to ${high} ns; the band holds the share at 95 %.
      ${shown.length > 1 ? `Dashed: ${shown[1]}.` : ""}</p>
      <svg role="img" aria-label="${label}" viewBox="0 0 560 210" width="560" height="210">
      <line class="axis" x1="40" x2="540" y1="180" y2="180"/>
      <line class="axis" x1="${x(0)}" x2="${x(0)}" y1="20" y2="180" stroke-dasharray="2 3"/>
      <text x="0" y="24">100 %</text><text x="12" y="184">0 %</text>
      <text x="40" y="200">${low} ns</text><text x="490" y="200">${high} ns</text>
      ${drawn.join("")}</svg>`;
  }

  function reproduceMarkup(id, cell) {
    const trials = Array.isArray(cell) ? Math.max(total(outcomePairs(cell[2] || [])), 1) : 1000;
    const lines = [
      `sigprobe run '${id}' --trials ${trials} -o result.json`,
      `sigprobe evidence result.json '${id}'`,
      `sigprobe repro '${id}' -o repro.c && cc -pthread -o repro repro.c && ./repro`,
    ];
    return `<pre tabindex="0">${escapeText(lines.join("\n"))}</pre>`;
  }

  // ------------------------------------------------------------------ start

  function option(value, text) {
    return `<option value="${escapeText(value)}">${escapeText(text)}</option>`;
  }

  function fillFilters() {
    const verdicts = data.verdicts.map((verdict) => option(verdict, verdict));
    at("verdict").insertAdjacentHTML("beforeend",
      [option("bad", "not as expected"), ...verdicts, option("predicted", "predicted")].join(""));
    const platforms = data.columns.map(([label, measured], i) =>
      option(i, measured ? label : `${label} (predicted)`));
    at("platform").insertAdjacentHTML("beforeend",
      [option("measured", "measured only"), ...platforms].join(""));
    data.axes.forEach((axes, port) => axes.forEach((axis, i) => addAxis(axis, i + port, port)));
  }

  function addAxis(axis, part, port) {
    const own = parts.filter((split) => (split[0] === "blockif") === Boolean(port));
    const values = [...new Set(own.map((split) => split[part]))].sort();
    if (!values.length) return;
    const options = [option("", "any"), ...values.map((value) => option(value, value))];
    at("axes").insertAdjacentHTML("beforeend", `<label>${escapeText(axis)} <select
      data-part="${part}" data-port="${port}">${options.join("")}</select></label>`);
  }

  function openLinked() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const row = data.rows.indexOf(wanted.get("case"));
    const column = data.columns.findIndex(([label]) => label === wanted.get("on"));
    if (row >= 0 && column >= 0) show(row, column);
  }

  function start() {
    at("browse").hidden = false;
    fillFilters();
    filter();
    at("filters").addEventListener("input", filter);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    at("filters").addEventListener("reset", () => setTimeout(filter));
    at("more").addEventListener("click", () => drawMore());
    at("body").addEventListener("keydown", onKey);
    at("body").addEventListener("click", (event) => {
      const place = placeOf(event.target);
      if (place) open(...place);
    });
    at("detail").addEventListener("close", () => {
      history.replaceState(null, "", location.pathname + location.search);
      if (state.shown) focusCell(state.row, state.column);
    });
    document.querySelectorAll("[data-question]").forEach((button) => {
      button.hidden = false;
      button.addEventListener("click", () => {
        at("filters").reset();
        at("text").value = button.dataset.question;
        filter();
        at("cases").scrollIntoView();
        at("text").focus({ preventScroll: true });
      });
    });
    addEventListener("beforeprint", () => drawMore(Infinity));
    addEventListener("hashchange", openLinked);
    openLinked();
  }

  start();
})();
