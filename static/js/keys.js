/* Keyboard map (listed on ?). Single keys are ignored in fields and when switched off
   (<html data-shortcuts="off">); elements declare their key by data-key. */
(() => {
  "use strict";

  const GO = { p: "patients", e: "envois", m: "mssante", t: "taches", a: "admissions" };
  const GO_MS = 1200;
  const OF_A_ROW = ["r", "v"];
  let waitsForGo = 0;

  const isField = (element) => element.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  const visible = (element) => element && element.getClientRects().length > 0;

  function press(key) {
    const row = document.activeElement.closest && document.activeElement.closest("tr[data-row]");
    const scopes = [row, document.querySelector("tr[data-row][aria-current=true]")];
    // Holding and showing act on the row that a person chose, never on the first of the page.
    if (!OF_A_ROW.includes(key)) scopes.push(document);
    for (const scope of scopes) {
      const target = scope && [...scope.querySelectorAll(`[data-key="${key}"]`)].find(visible);
      if (!target) continue;
      if (isField(target)) target.focus();
      else target.click();
      if (target.matches("summary")) target.focus();
      return true;
    }
    return false;
  }

  function regions() {
    return [...document.querySelectorAll(".rail, main, .pane, .bar")].filter(visible);
  }

  function nextRegion(backwards) {
    const all = regions();
    const at = all.findIndex((region) => region.contains(document.activeElement));
    const region = all[(at + (backwards ? -1 : 1) + all.length) % all.length];
    const target = region.querySelector("tr[data-row][tabindex='0'], [aria-current], a[href], button, input");
    if (target) target.focus();
  }

  function escape() {
    const pane = document.querySelector(".pane.is-open [data-pane-close]");
    if (visible(pane)) { pane.click(); return true; }
    const uncheck = document.querySelector("[data-bulk]:not([hidden]) [data-uncheck]");
    if (visible(uncheck)) { uncheck.click(); return true; }
    return false;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const dialog = document.querySelector("dialog[open]");
    if (event.key === "Enter" && event.ctrlKey && !event.altKey) {
      // A held key does not count as the second press that confirms.
      const confirm = !event.repeat && (dialog || document).querySelector("[data-key='ctrl-enter']");
      if (visible(confirm)) { event.preventDefault(); confirm.click(); }
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || dialog) return;
    if (event.key === "Escape") { if (escape()) event.preventDefault(); return; }
    if (isField(event.target) || document.documentElement.dataset.shortcuts === "off") return;
    if (one(event)) event.preventDefault();
  });

  function one(event) {
    const key = event.key.toLowerCase();
    if (waitsForGo) {
      window.clearTimeout(waitsForGo);
      waitsForGo = 0;
      return press(`g-${GO[key] || ""}`);
    }
    if (key === "g") {
      waitsForGo = window.setTimeout(() => { waitsForGo = 0; }, GO_MS);
      return true;
    }
    if (key === "?") {
      const list = document.getElementById("raccourcis");
      if (list) window.dpiDialog.open(list);
      return Boolean(list);
    }
    if (/^[1-9]$/.test(key)) {
      const entry = document.querySelector(`.rail [data-rank="${key}"]`);
      if (entry) entry.click();
      return Boolean(entry);
    }
    if (key === "w") { nextRegion(event.shiftKey); return true; }
    if (key === "j" || key === "arrowdown") {
      const row = document.querySelector("tr[data-row][tabindex='0']");
      if (!row || key === "arrowdown" && document.activeElement !== document.body) return false;
      row.focus();
      return true;
    }
    return "/nrvfi".includes(key) && key.length === 1 && press(key);
  }
})();
