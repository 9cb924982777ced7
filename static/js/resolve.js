// The workbench: all rows of a page at once, and no posting of what is not shown yet.
(() => {
  "use strict";
  const boxes = () => [...document.querySelectorAll("input[name='pool'][form='resolve-selected']")];
  const all = document.querySelector("[data-select-all]");
  const badge = document.querySelector("[data-selected-count]");
  const show = () => {
    const chosen = boxes().filter((box) => box.checked).length;
    if (badge) {
      badge.hidden = chosen === 0;
      badge.textContent = String(chosen);
    }
    if (all) {
      all.checked = chosen > 0 && chosen === boxes().length;
      all.indeterminate = chosen > 0 && chosen < boxes().length;
    }
  };
  if (all) {
    all.addEventListener("change", () => {
      boxes().forEach((box) => {
        box.checked = all.checked;
      });
      show();
    });
    document.addEventListener("change", (event) => {
      if (event.target.matches("input[name='pool'][form='resolve-selected']")) {
        show();
      }
    });
    window.addEventListener("pageshow", show);
  }

  // While the preview is behind what was typed, it looks so, and posting waits for it.
  const form = document.getElementById("resolve-form");
  if (form) {
    const card = document.getElementById("preview-card");
    const post = form.querySelector("button[value='post']");
    const stale = (isStale) => {
      card.classList.toggle("is-stale", isStale);
      if (post) {
        post.disabled = isStale;
      }
    };
    form.addEventListener("input", () => stale(true));
    document.body.addEventListener("htmx:afterSwap", (event) => {
      if (event.detail.target.id === "preview") {
        stale(false);
      }
    });
    ["htmx:sendError", "htmx:responseError"].forEach((name) => document.body.addEventListener(name, () => stale(false)));
  }
})();
