/* <button data-copy="id">: copies the text of an element; the word of the button says that it was done. */
(() => {
  "use strict";

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    const word = button.querySelector("[data-copy-word]");
    try {
      await navigator.clipboard.writeText(source.textContent);
      word.textContent = "Copié";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      window.getSelection().removeAllRanges();
      window.getSelection().addRange(range);
      word.textContent = "Sélectionné, Ctrl C pour copier";
    }
  });
})();
