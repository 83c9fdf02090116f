/* Toasts come from the server, in #toasts. Each stays 8 s, and as long as it is pointed at or focused. */
(() => {
  "use strict";

  const LIFE_MS = 8000;

  function live(toast) {
    let timer = 0;
    const leave = () => { timer = window.setTimeout(() => toast.remove(), LIFE_MS); };
    const stay = () => window.clearTimeout(timer);
    for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, stay);
    for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, leave);
    toast.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) toast.remove(); });
    leave();
  }

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("toasts");
    for (const toast of place.querySelectorAll("[data-toast]")) live(toast);
    new MutationObserver((changes) => {
      for (const change of changes) {
        for (const node of change.addedNodes) if (node.nodeType === 1 && node.matches("[data-toast]")) live(node);
      }
    }).observe(place, { childList: true });
  });
})();
