/* Paper: whose it is and who printed it, in the margin of every page; printing one part alone. */
(() => {
  "use strict";

  const sheet = new CSSStyleSheet();
  const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&").replace(/\s+/g, " ").trim()}"`;

  // The margins of a page take text from a style sheet only.
  window.addEventListener("beforeprint", () => {
    const head = document.querySelector("[data-paper-head]");
    if (!head) return;
    const by = head.dataset.paperBy ? `Imprimé par ${head.dataset.paperBy}, ` : "";
    const moment = new Date().toLocaleString("fr-FR", { dateStyle: "short", timeStyle: "short" });
    sheet.replaceSync(`@page { @top-left { content: ${quoted(head.textContent)}; font: 9pt sans-serif; }
      @top-right { content: ${quoted(`${by}le ${moment}`)}; font: 9pt sans-serif; } }`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets.filter((one) => one !== sheet), sheet];
  });

  // <button data-print> prints the page; with a value, only the element of that id.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-print]");
    if (!button) return;
    const alone = document.getElementById(button.dataset.print);
    if (alone) alone.setAttribute("data-printing", "");
    window.print();
    if (alone) alone.removeAttribute("data-printing");
  });
})();
