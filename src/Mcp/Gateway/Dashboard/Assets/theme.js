// Runs before anything is drawn, so that the page does not flash in the other theme. Without a choice the system's is taken.
"use strict";
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("varve-theme");
  } catch {
    // Storage may be forbidden: the system's theme then.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
