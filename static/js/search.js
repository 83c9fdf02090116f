/* Patient search of the bar: a combobox over the results that the server sends. */
(() => {
  "use strict";

  const field = () => document.getElementById("recherche-patient");
  const box = () => document.getElementById("recherche-resultats");
  const options = () => [...box().querySelectorAll("[role=option]")];

  function expand(open) {
    field().setAttribute("aria-expanded", String(open));
    if (!open) {
      box().replaceChildren();
      field().removeAttribute("aria-activedescendant");
    }
  }

  function select(step) {
    const all = options();
    if (!all.length) return;
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const next = all[(at + step + all.length) % all.length];
    for (const option of all) option.setAttribute("aria-selected", String(option === next));
    if (!next.id) next.id = `resultat-${all.indexOf(next) + 1}`;
    field().setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.target !== field() || !box()) return;
    if (event.key === "ArrowDown") select(1);
    else if (event.key === "ArrowUp") select(options().some((option) => option.getAttribute("aria-selected") === "true") ? -1 : 0);
    else if (event.key === "Escape" && options().length) expand(false);
    else if (event.key === "Enter") {
      const chosen = options().find((option) => option.getAttribute("aria-selected") === "true");
      if (!chosen) return;
      chosen.click();
    } else return;
    event.preventDefault();
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target === box()) expand(options().length > 0);
  });
  document.addEventListener("click", (event) => {
    if (box() && !event.target.closest(".bar__search")) expand(false);
  });
})();
