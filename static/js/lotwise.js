// Small enhancements; every page works without them.
(() => {
  "use strict";
  const root = document.documentElement;
  const keep = (key, value) => {
    try {
      localStorage.setItem(key, value);
    } catch {
      // Not remembered, then.
    }
  };
  const kept = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };

  // Theme: system, light or dark.
  const choices = document.querySelectorAll("[data-theme-choice]");
  const showChoice = () => {
    const choice = kept("lotwise-theme") || "system";
    choices.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice)));
  };
  choices.forEach((button) =>
    button.addEventListener("click", () => {
      keep("lotwise-theme", button.dataset.themeChoice);
      window.lotwiseApplyTheme();
      showChoice();
    }),
  );
  showChoice();

  // The fields of the filter bar: open or closed, remembered.
  document.querySelectorAll("[data-filters-toggle]").forEach((button) => {
    const show = () => button.setAttribute("aria-expanded", String(root.dataset.filters !== "closed"));
    button.addEventListener("click", () => {
      root.dataset.filters = root.dataset.filters === "closed" ? "open" : "closed";
      keep("lotwise-filters", root.dataset.filters);
      show();
    });
    show();
  });

  // Empty fields stay out of the address: it is the state of the page and is passed on to others.
  document.querySelectorAll("#filter-form").forEach((form) =>
    form.addEventListener("submit", () => {
      form.querySelectorAll("input, select").forEach((field) => {
        if (field.value === "") {
          field.disabled = true;
        }
      });
    }),
  );
  // Coming back by the browser's back button, the fields must be usable again.
  window.addEventListener("pageshow", () =>
    document.querySelectorAll("#filter-form :disabled").forEach((field) => {
      field.disabled = false;
    }),
  );

  // A button that cannot be used now says why and does nothing.
  document.addEventListener("click", (event) => {
    if (event.target.closest("[aria-disabled='true']")) {
      event.preventDefault();
    }
  });
  // Its reason lies over what is below: Escape puts it away until one comes back.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelectorAll(".action-refused:is(:hover, :focus-within)").forEach((refused) => refused.classList.add("is-dismissed"));
    }
  });
  ["mouseout", "focusout"].forEach((name) =>
    document.addEventListener(name, (event) => event.target.closest?.(".action-refused")?.classList.remove("is-dismissed")),
  );

  // Parts that htmx fetches. Somebody signed out in the meantime: show the sign-in page, not a piece of it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.responseURL.includes("/sign-in/")) {
      event.detail.shouldSwap = false;
      window.location.reload();
    }
  });
  // What screen readers hear is said once, not again with every answer.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.textContent.trim() === event.detail.fragment.textContent.trim()) {
      event.detail.shouldSwap = false;
    }
  });
  ["htmx:sendError", "htmx:responseError"].forEach((name) =>
    document.addEventListener(name, () =>
      document.querySelectorAll("[data-stalled]").forEach((words) => {
        words.hidden = false;
      }),
    ),
  );

  document.querySelectorAll("[data-print]").forEach((button) => button.addEventListener("click", () => window.print()));

  // A form that was sent must not be sent twice by an impatient second click.
  document.querySelectorAll("form[method='post']").forEach((form) =>
    form.addEventListener("submit", () => {
      setTimeout(() => form.querySelectorAll("button").forEach((button) => (button.disabled = true)), 0);
    }),
  );
})();
