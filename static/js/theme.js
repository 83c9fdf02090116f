/* The theme changes at once; the server keeps it in its cookie. Without script the form does both. */
(() => {
  "use strict";

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-theme-switch]") || !event.submitter) return;
    event.preventDefault();
    const chosen = event.submitter.value;
    document.documentElement.dataset.theme = chosen;
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === event.submitter));
    const body = new FormData(form, event.submitter);
    body.delete("next");
    fetch(form.action, { method: "POST", body, credentials: "same-origin" });
  });
})();
