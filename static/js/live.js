/* Lists and counters that the page asks again by itself.
   <tbody data-live hx-get=… hx-trigger="every 30s">: a row that changed is replaced where it stands,
   its check and the focus kept; new rows are only announced, nothing moves under the pointer.
   The answer with status 286 ends the asking. */
(() => {
  "use strict";

  function rowsOf(markup) {
    const template = document.createElement("template");
    template.innerHTML = `<table><tbody>${markup}</tbody></table>`;
    return [...template.content.querySelectorAll("tr[data-row][id]")];
  }

  // What the person did on a row, not what the server says of it.
  function carryOver(from, to) {
    const [checked, check] = [from, to].map((row) => row.querySelector("input[data-check]"));
    if (checked && check) check.checked = checked.checked;
    to.tabIndex = from.tabIndex;
    to.classList.toggle("is-checked", from.classList.contains("is-checked"));
    if (from.hasAttribute("aria-current")) to.setAttribute("aria-current", from.getAttribute("aria-current"));
  }

  function isBusy(row) {
    return row.querySelector("details[open]") || row.contains(document.activeElement) && document.activeElement !== row;
  }

  function words(row) {
    return row.textContent.replace(/\s+/g, " ").trim();
  }

  function refresh(body, markup) {
    let fresh = 0;
    for (const row of rowsOf(markup)) {
      const shown = document.getElementById(row.id);
      if (!shown) {
        fresh += 1;
      } else if (words(shown) !== words(row) && !isBusy(shown)) {
        const focused = document.activeElement === shown;
        carryOver(shown, row);
        shown.replaceWith(row);
        window.htmx.process(row);
        if (focused) row.focus();
      }
    }
    const offer = document.querySelector("[data-live-new]");
    if (!offer) return;
    offer.hidden = fresh === 0;
    offer.textContent = `${fresh} nouvelle${fresh > 1 ? "s" : ""} ligne${fresh > 1 ? "s" : ""}, afficher`;
  }

  function alarms(root) {
    return [...root.querySelectorAll(".counter--bad")].map((counter) => counter.textContent.trim()).join(", ");
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const body = event.target;
    if (body.matches("[data-live]") && event.detail.requestConfig.elt === body) {
      if (event.detail.xhr.status < 300) refresh(body, event.detail.xhr.responseText);
      event.detail.shouldSwap = false;
    }
    if (body.matches("[data-counters]")) body.dataset.before = alarms(body);
  });

  // Counters are refreshed in silence, unless a failure appears.
  document.addEventListener("htmx:afterSwap", (event) => {
    const menu = event.target;
    if (!menu.matches("[data-counters]")) return;
    const now = alarms(menu);
    if (now && now !== menu.dataset.before) document.getElementById("alertes").textContent = now;
  });

  // A row replaced after its own action stays the chosen one, and keeps the keyboard where it was.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const row = event.target.closest("tr[data-row][id]");
    if (!row || !event.detail.shouldSwap) return;
    const isCurrent = row.getAttribute("aria-current") === "true";
    const hadFocus = row.contains(document.activeElement);
    document.addEventListener("htmx:afterSettle", () => {
      const next = document.getElementById(row.id);
      if (next && isCurrent) next.setAttribute("aria-current", "true");
      if (next && hadFocus && document.activeElement === document.body) next.focus();
    }, { once: true });
  });
})();
