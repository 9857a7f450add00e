// SPDX-License-Identifier: BSD-2-Clause
// The report page with scripts on: a table of the rows that are looked at, filters, details.
// What it shows was put into words and drawn by reports/html.py, whose _Packer says what a cell is.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const CELLS_AT_ONCE = 1500; // as many are laid out before somebody asks for more
  const CELLS_A_TASK = 200; // and so many without giving the browser a turn
  const parts = data.rows.map((id) => id.split("/"));
  const state = { rows: [], columns: [], shown: 0, wanted: 0, drawing: 0, row: 0, column: 0, asked: 0 };

  const escapeText = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  const number = (n) => n.toLocaleString("en");

  // ------------------------------------------------------------------ cells

  function kindOf(cell) {
    if (cell === 0) return "empty";
    if (Array.isArray(cell)) return data.verdicts[data.judged[cell[2]][0]][0];
    return cell > 0 ? "predicted" : "unsupported";
  }

  function textOf(cell) {
    if (cell === 0) return "";
    if (Array.isArray(cell)) return data.texts[cell[0]];
    return cell > 0 ? `(${data.expected[cell - 1][0]})` : "–";
  }

  const markOf = (cell) => (Array.isArray(cell) ? data.verdicts[data.judged[cell[2]][0]][1] : "");
  const isBad = (cell) => Array.isArray(cell) && data.verdicts[data.judged[cell[2]][0]][2];

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
    if (wanted === "bad") return isBad;
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
      const cells = state.columns.map((column) => data.columns[column][3][row]);
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
    at("grid").style.width = `${11 * heads.length + 22}rem`; // wide enough, whatever the cells say
    at("body").innerHTML = "";
    state.shown = state.wanted = state.row = state.column = 0;
    at("scroll").scrollTop = 0;
    at("count").textContent = `${number(state.rows.length)} of ${number(data.rows.length)} cases`;
    drawMore();
  }

  const rowsOf = (cells) => Math.max(1, Math.floor(cells / (state.columns.length + 1)));

  function drawMore(count = rowsOf(CELLS_AT_ONCE)) {
    state.wanted = Math.min(state.shown + count, state.rows.length);
    at("more").hidden = state.wanted >= state.rows.length;
    drawSlice();
  }

  // Draws some rows now and the rest in later tasks, so that no task keeps the reader waiting.
  function drawSlice() {
    clearTimeout(state.drawing);
    drawTo(Math.min(state.shown + rowsOf(CELLS_A_TASK), state.wanted));
    at("grid").ariaBusy = String(state.shown < state.wanted);
    if (state.shown < state.wanted) state.drawing = setTimeout(drawSlice);
  }

  function drawTo(end) {
    const first = state.shown === 0 && end > 0;
    const rows = state.rows.slice(state.shown, end);
    at("body").insertAdjacentHTML("beforeend", rows.map(rowMarkup).join(""));
    state.shown = Math.max(end, state.shown);
    if (first) cellElement(0, 0).tabIndex = 0;
  }

  function rowMarkup(row) {
    const cells = state.columns.map((column) => cellMarkup(data.columns[column][3][row]));
    const id = escapeText(data.rows[row]).replaceAll("/", "/<wbr>");
    return `<tr><th scope="row">${id}</th>${cells.join("")}</tr>`;
  }

  function cellMarkup(cell) {
    const [kind, mark, text] = [kindOf(cell), markOf(cell), escapeText(textOf(cell))];
    const label = mark ? ` aria-label="${text}, ${kind}"` : "";
    const shown = mark ? ` <span aria-hidden="true">${mark}</span>` : "";
    return `<td class="${kind}" tabindex="-1"${label}>${text}${shown}</td>`;
  }

  const cellElement = (row, column) => at("body").rows[row].cells[column + 1];

  function placeOf(element) {
    const cell = element.closest("td");
    return cell && [cell.parentElement.sectionRowIndex, cell.cellIndex - 1];
  }

  function focusCell(row, column) {
    if (row >= state.shown) drawTo(Math.min(row + 1, state.rows.length));
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

  async function show(row, column) {
    const asked = ++state.asked;
    const [id, [label, , about]] = [data.rows[row], data.columns[column]];
    const shown = await detailOf(data.columns[column][3][row], column);
    if (asked !== state.asked) return; // another cell was opened meanwhile
    const names = { "{case}": id, "{platform}": label };
    const reproduce = data.reproduce.replace(/\{case\}|\{platform\}/g, (name) => escapeText(names[name]));
    at("detail").innerHTML = `<h2 id="detail-title">${escapeText(id)} on ${escapeText(label)}</h2>
      <button type="button" class="close">Close</button>${shown}<h3>Platform</h3>${about}${reproduce}`;
    at("detail").querySelector(".close").addEventListener("click", () => at("detail").close());
    if (!at("detail").open) at("detail").showModal();
    history.replaceState(null, "", `#case=${encodeURIComponent(id)}&on=${encodeURIComponent(label)}`);
  }

  async function detailOf(cell, column) {
    if (cell === 0) return data.nothing;
    if (cell < 0) return data.reasons[-1 - cell];
    if (cell > 0) return data.predicted + data.expected[cell - 1][1];
    const [, counted, judged, expected, ...drawn] = cell;
    const measured = await unpacked(data.measured);
    const drawings = drawn.length ? await unpacked(data.columns[column][4]) : [];
    return [data.judged[judged][1], data.expected[expected][1], measured[counted],
      ...drawn.map((i) => drawings[i])].join("");
  }

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  // ------------------------------------------------------------------ start

  function option(value, text) {
    return `<option value="${escapeText(value)}">${escapeText(text)}</option>`;
  }

  function fillFilters() {
    const verdicts = data.verdicts.map(([verdict]) => option(verdict, verdict));
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

  // Each step is a task of its own, so that none keeps the reader waiting.
  function start() {
    fillFilters();
    listen();
    setTimeout(() => {
      at("browse").hidden = false;
      filter();
      openLinked();
    });
  }

  function listen() {
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
    addEventListener("beforeprint", () => drawTo(state.wanted = state.rows.length));
    addEventListener("hashchange", openLinked);
  }

  setTimeout(start);
})();
