/* « Informé, non opposé pour les deux »: sets both subjects, a second press takes it back.
   It never saves. <button data-choose-both="not_opposed">. */
(() => {
  "use strict";

  function radios(form, value) {
    return [...form.querySelectorAll("[data-choice3]")].map((group) => group.querySelector(`input[value="${value}"]`));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choose-both]");
    if (!button) return;
    const form = button.closest("form");
    const wanted = radios(form, button.dataset.chooseBoth);
    const taken = wanted.every((radio) => radio.checked);
    const before = (button.dataset.before || "").split(" ");
    if (!taken) {
      button.dataset.before = [...form.querySelectorAll("[data-choice3]")].map((group) => (group.querySelector(":checked") || {}).value || "").join(" ");
      for (const radio of wanted) radio.checked = true;
    } else {
      form.querySelectorAll("[data-choice3]").forEach((group, at) => {
        const radio = group.querySelector(`input[value="${before[at] || "not_collected"}"]`);
        if (radio) radio.checked = true;
      });
    }
    button.setAttribute("aria-pressed", String(!taken));
    form.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest && event.target.closest("form");
    const button = form && form.querySelector("[data-choose-both]");
    if (button) button.setAttribute("aria-pressed", String(radios(form, button.dataset.chooseBoth).every((radio) => radio && radio.checked)));
  });
})();
