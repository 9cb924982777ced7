// Runs before anything is painted: sets the theme and whether the filter fields are open, so that nothing flashes.
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const remembered = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // A browser may forbid storage; the page works without it.
    }
  };
  const apply = () => {
    const choice = remembered("lotwise-theme");
    const isDark = choice === "dark" || (choice !== "light" && dark.matches);
    root.dataset.bsTheme = isDark ? "dark" : "light";
  };
  root.classList.add("js");
  root.dataset.filters = remembered("lotwise-filters") || (window.innerWidth < 1000 ? "closed" : "open");
  apply();
  dark.addEventListener("change", apply);
  window.lotwiseApplyTheme = apply;
})();
