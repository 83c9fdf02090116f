/* Dialogs and unfolding menus.
   <button data-dialog-open="id">, <button data-dialog-close>, <dialog data-open> opens by itself:
   with the page, or when an htmx answer brings it. Focus starts on the title and comes back. */
(() => {
  "use strict";

  const openers = new WeakMap();

  function open(dialog, opener) {
    if (dialog.open) return;
    openers.set(dialog, opener || document.activeElement);
    dialog.showModal();
    const title = dialog.querySelector("h2[tabindex]");
    if (title) title.focus();
  }

  function isTyped(dialog) {
    return [...dialog.querySelectorAll("textarea, input[type=text]")].some((field) => field.value !== field.defaultValue);
  }

  // Typed text is not lost on Échap: the first press asks in the dialog, the second closes.
  function mayClose(dialog) {
    const warning = dialog.querySelector("[data-unsaved]");
    if (!warning || !isTyped(dialog) || !warning.hidden) return true;
    warning.hidden = false;
    return false;
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialogOpen);
      if (dialog) open(dialog, opener);
      return;
    }
    const closer = event.target.closest("[data-dialog-close]");
    if (closer) {
      event.preventDefault();
      closer.closest("dialog").close();
      return;
    }
    // A link out of a dialog to the page below closes the dialog first, then focuses its target.
    const leaver = event.target.closest("a[data-dialog-leave]");
    if (leaver) {
      const dialog = leaver.closest("dialog");
      openers.delete(dialog);
      dialog.close();
      const target = document.querySelector(leaver.hash);
      const field = target && target.querySelector("textarea, input, select");
      if (field) { event.preventDefault(); field.focus(); }
      return;
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("cancel", (event) => {
    if (event.target.matches("dialog") && !mayClose(event.target)) event.preventDefault();
  }, true);

  document.addEventListener("close", (event) => {
    const opener = openers.get(event.target);
    if (opener && opener.isConnected) opener.focus();
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest && event.target.closest("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.stopPropagation();
    }
  });

  function openMarked(root) {
    for (const dialog of root.querySelectorAll("dialog[data-open]")) open(dialog);
    const focus = root.querySelector("[data-focus]");
    if (focus) focus.focus();
  }

  document.addEventListener("DOMContentLoaded", () => {
    openMarked(document);
    // On a narrow screen the facts of the banner start folded (never the alerts, which stand above).
    if (window.matchMedia("(max-width: 30rem)").matches) {
      for (const fold of document.querySelectorAll("details.banner__fold")) fold.open = false;
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => openMarked(event.target.parentElement || document));
  window.dpiDialog = { open };
})();
