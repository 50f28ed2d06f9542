"""What a bulletin can do: swipe between before and after, filter, and go from lead to lead, by mouse and by keyboard."""

# ruff: noqa: E501  # lines of a page, which break where its reader would

SCRIPT = """
"use strict";
(() => {
  const all = (query, root) => [...(root || document).querySelectorAll(query)];
  const leads = all("article.lead");
  const dots = new Map(all("a.dot").map(dot => [dot.dataset.lead, dot]));
  const find = document.getElementById("find");
  const model = document.getElementById("model");
  const aoi = document.getElementById("aoi");
  const boxes = all("input[name=what]");
  const shown = document.getElementById("shown");

  for (const range of all(".swipe input"))
    range.addEventListener("input", () => range.parentElement.style.setProperty("--at", range.value + "%"));

  function filter() {
    const words = find.value.trim().toLowerCase().split(/\\s+/).filter(Boolean);
    const what = new Set(boxes.filter(box => box.checked).map(box => box.value));
    let count = 0;
    for (const lead of leads) {
      const said = lead.textContent.toLowerCase();
      const fits = (!model.value || lead.dataset.model === model.value) && (!aoi.value || lead.dataset.aoi === aoi.value)
        && what.has(lead.dataset.what) && words.every(word => said.includes(word));
      lead.hidden = !fits;
      const dot = dots.get(lead.id);
      if (dot) dot.toggleAttribute("hidden", !fits);
      count += fits;
    }
    shown.textContent = count === leads.length ? String(count) : count + " / " + leads.length;
  }

  function go(lead) {
    if (!lead) return;
    lead.focus({preventScroll: true});
    lead.scrollIntoView({block: "start"});
    for (const [name, dot] of dots) dot.classList.toggle("here", name === lead.id);
  }

  function step(by) {
    const left = leads.filter(lead => !lead.hidden);
    const here = document.activeElement && document.activeElement.closest("article.lead");
    const at = left.indexOf(here);
    go(left[at < 0 ? (by > 0 ? 0 : left.length - 1) : Math.min(Math.max(at + by, 0), left.length - 1)]);
  }

  function swipe(lead, by) {
    const range = lead.querySelector(".swipe input");
    if (!range) return;
    range.value = String(Number(range.value) + by);
    range.dispatchEvent(new Event("input"));
  }

  if (leads.length) {
    for (const one of [find, model, aoi, ...boxes]) one.addEventListener("input", filter);
    for (const [name, dot] of dots)
      dot.addEventListener("click", event => { event.preventDefault(); go(document.getElementById(name)); });
    document.addEventListener("keydown", event => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const at = document.activeElement;
      const writing = at && (at === find || at.tagName === "SELECT");
      if (event.key === "Escape") {
        find.value = model.value = aoi.value = "";
        for (const box of boxes) box.checked = true;
        filter();
        if (writing) at.blur();
      } else if (writing) return;
      else if (event.key === "/") { event.preventDefault(); find.focus(); }
      else if (event.key === "j") step(1);
      else if (event.key === "k") step(-1);
      else if (at && at.matches("article.lead") && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
        event.preventDefault();
        swipe(at, event.key === "ArrowRight" ? 10 : -10);
      }
    });
  }
})();
"""
