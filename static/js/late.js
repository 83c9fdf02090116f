/* Fragments that arrive after the page, and answers that never came.
   A fragment marked data-late keeps its own words for failure in a <template data-late-failed>.
   Other failed requests say so beside their cause, in the nearest [data-failure]. */
(() => {
  "use strict";

  const FAILED = "Le serveur n’a pas répondu. Rien n’a été modifié. Réessayer dans un instant.";
  const REFUSED = "Demande refusée. Recharger la page, puis recommencer.";

  function announce(id, text) {
    const place = document.getElementById(id);
    if (place) place.textContent = text;
  }

  function failLate(box) {
    const template = box.querySelector("template[data-late-failed]");
    box.setAttribute("aria-busy", "false");
    if (!template) return;
    const words = template.content.cloneNode(true);
    const hour = words.querySelector("[data-late-hour]");
    if (hour) hour.textContent = new Date().toLocaleTimeString("fr-FR", { hour: "2-digit", minute: "2-digit" });
    const waiting = [...box.children].filter((child) => child !== template);
    for (const child of waiting) child.remove();
    box.append(words);
    announce("annonces", box.textContent.trim());
  }

  // A refusal of ours comes as one sentence of plain text.
  function sentence(xhr) {
    const isOurs = xhr && xhr.status >= 400 && xhr.status < 500;
    return isOurs && (xhr.getResponseHeader("Content-Type") || "").startsWith("text/plain") ? xhr.responseText.trim() : "";
  }

  function onFailure(event) {
    const source = event.detail.elt || event.target;
    const box = source.closest("[data-late]");
    if (box) {
      failLate(box);
      return;
    }
    if (source.closest("[data-autosave]")) return;
    const xhr = event.detail.xhr;
    const status = xhr ? xhr.status : 0;
    const text = sentence(xhr) || (status >= 400 && status < 500 ? REFUSED : FAILED);
    const place = source.closest("dialog, section, main, body").querySelector("[data-failure]");
    if (place) {
      place.textContent = text;
      place.hidden = false;
    }
    announce("alertes", text);
  }

  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, onFailure);

  document.addEventListener("htmx:beforeRequest", (event) => {
    const place = event.target.closest("dialog, section, main, body").querySelector("[data-failure]");
    if (place) place.hidden = true;
  });

  document.addEventListener("click", (event) => {
    const retry = event.target.closest("[data-late-retry]");
    if (!retry) return;
    const box = retry.closest("[data-late]");
    box.setAttribute("aria-busy", "true");
    window.htmx.ajax("GET", box.getAttribute("hx-get"), { source: box, target: box, swap: "outerHTML" });
  });

  // The final word of a fragment is said once, when it asks for it.
  document.addEventListener("htmx:afterSettle", (event) => {
    const word = event.target.querySelector && event.target.querySelector("[data-announce]");
    if (word) announce("annonces", word.dataset.announce || word.textContent.trim());
  });
})();
