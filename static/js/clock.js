/* Words that age: minutes left of an exceptional access, « il y a 3 min » beside a list. */
(() => {
  "use strict";

  const started = Date.now();
  const WARN_AT = 10;

  function since(minutes) {
    if (minutes < 1) return "à l’instant";
    if (minutes < 60) return `il y a ${minutes} min`;
    return `il y a ${Math.floor(minutes / 60)} h`;
  }

  function tick() {
    for (const place of document.querySelectorAll("[data-minutes-left]")) {
      const left = Math.max(0, Number(place.dataset.minutesLeft) - Math.floor((Date.now() - started) / 60000));
      if (place.textContent !== String(left)) {
        place.textContent = String(left);
        if (left === WARN_AT || left === 0) document.getElementById("alertes").textContent = `Accès exceptionnel : reste ${left} min`;
      }
    }
    for (const place of document.querySelectorAll("time[data-since]")) {
      place.textContent = since(Math.floor((Date.now() - Date.parse(place.dateTime)) / 60000));
    }
  }

  document.addEventListener("DOMContentLoaded", () => { tick(); window.setInterval(tick, 30000); });
  document.addEventListener("htmx:afterSettle", tick);
})();
