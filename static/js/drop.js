/* Areas where a file is dropped: what is dropped, or chosen, is sent at once. The form works without script. */
(() => {
  "use strict";

  function watch(form) {
    const field = form.querySelector("input[type=file]");
    const over = (isOver) => (event) => {
      event.preventDefault();
      form.classList.toggle("is-over", isOver);
    };
    form.classList.add("is-live");
    for (const name of ["dragenter", "dragover"]) form.addEventListener(name, over(true));
    form.addEventListener("dragleave", over(false));
    form.addEventListener("drop", (event) => {
      over(false)(event);
      if (!event.dataTransfer.files.length) return;
      field.files = event.dataTransfer.files;
      form.requestSubmit();
    });
    field.addEventListener("change", () => { if (field.files.length) form.requestSubmit(); });
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const form of document.querySelectorAll("[data-drop]")) watch(form);
  });
})();
