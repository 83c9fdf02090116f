/* Letter editor: rows of treatments, headings that depend on an answer, texts to insert. */
(() => {
  "use strict";

  function changed(element) {
    element.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function addTreatment(block) {
    const row = block.querySelector("template[data-treatment-row]").content.cloneNode(true);
    const body = block.querySelector("tbody");
    body.append(row);
    body.lastElementChild.querySelector("input").focus();
    const none = block.querySelector("input[name$='-none']");
    if (none) none.checked = false;
  }

  document.addEventListener("click", (event) => {
    const add = event.target.closest("[data-treatment-add]");
    if (add) addTreatment(add.closest(".block"));
    const remove = event.target.closest("[data-treatment-remove]");
    if (remove) {
      const block = remove.closest(".block");
      remove.closest("tr").remove();
      changed(block);
      block.querySelector("[data-treatment-add]").focus();
    }
    const insert = event.target.closest("[data-insert]");
    if (insert) {
      const field = document.getElementById(insert.dataset.insert);
      if (!field) return;
      field.setRangeText(insert.dataset.insertText, field.selectionStart, field.selectionEnd, "end");
      field.focus();
      changed(field);
    }
  });

  // A heading that does not apply is hidden, never emptied: the answer may come back.
  document.addEventListener("change", (event) => {
    if (event.target.type !== "radio" || !event.target.closest("#lettre")) return;
    for (const block of document.querySelectorAll(`[data-depends="${event.target.name}"]`)) {
      block.hidden = block.dataset.dependsValue !== event.target.value;
    }
  });
})();
