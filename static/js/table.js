/* Lists: roving focus on rows, checking, bar of actions on the checked rows.
   <table data-rows> with <tr data-row tabindex="-1">; a row opens by its [data-open-row] link;
   checks are input[data-check]; [data-check-all] checks the page; [data-bulk] is the bar. */
(() => {
  "use strict";

  const PREVIEW_MS = 150;
  let previewTimer = 0;
  let lastChecked = null;

  const rowsOf = (table) => [...table.querySelectorAll("tbody > tr[data-row]")];
  const checksOf = (table) => [...table.querySelectorAll("input[data-check]")];

  function rove(table) {
    const rows = rowsOf(table);
    const current = rows.find((row) => row.getAttribute("aria-current") === "true") || rows[0];
    for (const row of rows) row.tabIndex = row === current ? 0 : -1;
  }

  function show(row) {
    for (const other of rowsOf(row.closest("table"))) {
      if (other === row) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
    }
    rove(row.closest("table"));
  }

  function focusRow(row) {
    show(row);
    row.focus();
    row.scrollIntoView({ block: "nearest" });
    const link = row.querySelector("[data-open-row][hx-get]");
    window.clearTimeout(previewTimer);
    if (link && window.matchMedia("(min-width: 80rem)").matches) previewTimer = window.setTimeout(() => link.click(), PREVIEW_MS);
  }

  function countChecks(table) {
    const region = table.closest("[data-list]") || document;
    const checked = checksOf(table).filter((check) => check.checked);
    for (const row of rowsOf(table)) {
      const check = row.querySelector("input[data-check]");
      if (check) row.classList.toggle("is-checked", check.checked);
    }
    const all = table.querySelector("input[data-check-all]");
    if (all) {
      all.checked = checked.length > 0 && checked.length === checksOf(table).length;
      all.indeterminate = checked.length > 0 && !all.checked;
    }
    const bar = region.querySelector("[data-bulk]");
    if (bar) {
      bar.hidden = checked.length === 0;
      setBulk(bar, checked);
    }
    for (const place of region.querySelectorAll("[data-check-count]")) {
      const group = place.dataset.checkCount;
      place.textContent = String(checked.filter((check) => !group || check.dataset.group === group).length);
    }
  }

  // An action stays enabled when it is valid for every checked row; else it says why.
  function setBulk(bar, checked) {
    const count = bar.querySelector("[data-bulk-count]");
    if (count) count.textContent = `${checked.length} ${checked.length > 1 ? count.dataset.many : count.dataset.one}`;
    for (const action of bar.querySelectorAll("[data-action]")) {
      const refused = checked.filter((check) => !(check.dataset.actions || "").split(" ").includes(action.dataset.action));
      const off = refused.length > 0;
      action.setAttribute("aria-disabled", String(off));
      const reason = document.getElementById(action.getAttribute("aria-describedby"));
      if (reason) reason.textContent = off ? `Impossible pour ${refused.length} envoi${refused.length > 1 ? "s" : ""} de la sélection.` : "";
    }
  }

  function checkRange(table, check) {
    const checks = checksOf(table);
    const [from, to] = [checks.indexOf(lastChecked), checks.indexOf(check)].sort((a, b) => a - b);
    if (from >= 0) for (const other of checks.slice(from, to + 1)) other.checked = check.checked;
  }

  document.addEventListener("click", (event) => {
    const refused = event.target.closest("[aria-disabled=true]");
    if (refused) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.target.matches("[data-uncheck]")) {
      const table = (event.target.closest("[data-list]") || document).querySelector("table[data-rows]");
      for (const check of checksOf(table)) check.checked = false;
      countChecks(table);
      return;
    }
    const check = event.target.closest("input[data-check]");
    if (check) {
      if (event.shiftKey && lastChecked) checkRange(check.closest("table"), check);
      lastChecked = check;
      return;
    }
    const link = event.target.closest("[data-open-row]");
    if (link) {
      const row = link.closest("tr[data-row]");
      if (row) show(row);
    }
  }, true);

  document.addEventListener("change", (event) => {
    const table = event.target.closest("table[data-rows]");
    if (!table) return;
    if (event.target.matches("[data-check-all]")) for (const check of checksOf(table)) check.checked = event.target.checked;
    if (event.target.matches("[data-check-all], [data-check]")) countChecks(table);
  });

  document.addEventListener("keydown", (event) => {
    const row = event.target.closest && event.target.closest("tr[data-row]");
    if (!row || event.target !== row || event.ctrlKey || event.altKey || event.metaKey) return;
    const rows = rowsOf(row.closest("table"));
    const letters = document.documentElement.dataset.shortcuts !== "off";
    const step = { ArrowDown: 1, ArrowUp: -1, j: letters ? 1 : 0, k: letters ? -1 : 0 }[event.key] || 0;
    if (step) {
      const next = rows[rows.indexOf(row) + step];
      if (next) focusRow(next);
    } else if (event.key === "Enter") {
      const link = row.querySelector("[data-open-row]");
      if (link) { link.dataset.byKey = "1"; link.click(); }
    } else if (event.key === " ") {
      const check = row.querySelector("input[data-check]");
      if (check) check.click();
    } else {
      return;
    }
    event.preventDefault();
  });

  // The pane opens over the list on narrow windows, when it was asked for.
  document.addEventListener("htmx:afterSwap", (event) => {
    const pane = event.target.closest && event.target.closest(".pane");
    if (pane && event.detail.requestConfig && event.detail.requestConfig.elt.matches("[data-open-row]")) pane.classList.add("is-open");
    for (const table of document.querySelectorAll("table[data-rows]")) { rove(table); countChecks(table); }
  });
  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-pane-close]");
    if (!close) return;
    event.preventDefault();
    close.closest(".pane").classList.remove("is-open");
    const row = document.querySelector("tr[data-row][aria-current=true]");
    if (row) row.focus();
  });

  // A section that comes again, [data-keep-checks], keeps what was checked in it meanwhile.
  const keptChecks = new Map();
  document.addEventListener("htmx:beforeSwap", (event) => {
    const section = event.detail.target;
    if (!section || !section.matches || !section.matches("[data-keep-checks]")) return;
    keptChecks.set(section.id, new Set(checksOf(section).filter((check) => check.checked).map((check) => check.value)));
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const [id, values] of keptChecks) {
      const section = document.getElementById(id);
      if (section) for (const check of checksOf(section)) check.checked = check.checked || values.has(check.value);
    }
    keptChecks.clear();
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const table of document.querySelectorAll("table[data-rows]")) { rove(table); countChecks(table); }
  });
})();
