/* A draft is saved 5 s after the last key: the form asks htmx for the event « enregistrer ».
   <form data-autosave hx-post=… hx-trigger="enregistrer" hx-swap="none">; its state is said in
   [data-autosave-state]. On failure the text stays in the page and is tried again. Nothing is
   kept in browser storage. */
(() => {
  "use strict";

  const IDLE_MS = 5000;
  const RETRY_MS = [5000, 10000, 30000];

  function watch(form) {
    if (form.dpiAutosave) return;
    const draft = { dirty: false, timer: 0, failures: 0, conflict: false };
    form.dpiAutosave = draft;
    const say = (text, failed) => {
      const place = document.querySelector("[data-autosave-state]");
      if (!place) return;
      place.classList.toggle("tone-warn", failed);
      place.classList.toggle("tone-ok", !failed);
      place.querySelector("[data-autosave-words]").textContent = text;
    };
    const save = () => { if (draft.dirty && !draft.conflict) window.htmx.trigger(form, "enregistrer"); };
    const later = (delay) => { window.clearTimeout(draft.timer); draft.timer = window.setTimeout(save, delay); };

    form.addEventListener("input", () => { draft.dirty = true; later(IDLE_MS); });
    // « Valider… » stands outside the form and saves it too.
    const isSave = (event) => form.isConnected && (event.detail.elt === form || event.detail.elt.form === form);
    document.addEventListener("htmx:beforeRequest", (event) => { if (isSave(event)) draft.dirty = false; });
    document.addEventListener("htmx:afterRequest", (event) => {
      if (!isSave(event)) return;
      if (event.detail.successful) {
        draft.failures = 0;
        const hour = new Date().toLocaleTimeString("fr-FR", { hour: "2-digit", minute: "2-digit" });
        say(`Brouillon enregistré à ${hour}`, false);
        return;
      }
      draft.dirty = true;
      if (event.detail.xhr && event.detail.xhr.status === 409) {
        draft.conflict = true;
        say("Brouillon modifié ailleurs\u202f: copier votre texte, puis recharger la page", true);
        return;
      }
      say("Non enregistré, nouvel essai…", true);
      later(RETRY_MS[Math.min(draft.failures++, RETRY_MS.length - 1)]);
    });
    window.addEventListener("beforeunload", (event) => { if (draft.dirty) event.preventDefault(); });
    form.addEventListener("submit", () => { draft.dirty = false; });
    for (const link of document.querySelectorAll("a[data-save-first]")) {
      link.addEventListener("click", (event) => {
        if (!draft.dirty) return;
        event.preventDefault();
        form.addEventListener("htmx:afterRequest", (after) => {
          if (after.detail.successful) window.open(link.href, "_blank", "noopener");
        }, { once: true });
        save();
      });
    }
  }

  const start = () => { for (const form of document.querySelectorAll("form[data-autosave]")) watch(form); };
  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSettle", start);
})();
