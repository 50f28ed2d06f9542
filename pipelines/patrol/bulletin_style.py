"""How a bulletin looks, on a screen and printed."""

# ruff: noqa: E501  # lines of a page, which break where its reader would

STYLE = """
:root { --ink: #1d2126; --soft: #5a636e; --line: #dfe3e7; --paper: #fff; --new: #c62828; --confirmed: #ad5700;
  --returned: #6a1b9a; --grown: #b8860b; --withdrawn: #607d8b; --merged: #607d8b; --stock: #1565c0 }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 24px; max-width: 1000px; color: var(--ink); background: #f4f5f6;
  font: 15px/1.5 "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif }
h1 { font-size: 26px; margin: 0 } h2 { font-size: 19px; margin: 0 0 8px } h3 { font-size: 16px; margin: 0 0 10px }
small { font-weight: normal; color: var(--soft); font-size: .7em } .when { margin: 2px 0 18px; color: var(--soft) }
.mark { border: 1px solid var(--new); color: var(--new); padding: 0 6px; border-radius: 3px }
section, footer { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 16px;
  margin-bottom: 16px }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; background: none; border: 0; padding: 0 }
.tiles div { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px;
  flex: 1 1 140px; color: var(--soft); font-size: 13px }
.tiles b { display: block; font-size: 26px; line-height: 1.2; color: var(--ink); font-variant-numeric: tabular-nums }
.tiles .less b { color: var(--confirmed) } .tiles.small b { font-size: 20px }
.alarm { background: #fff4e5; border: 1px solid #f0b429; border-left-width: 6px; border-radius: 6px; padding: 8px 12px;
  margin: 0 0 10px } .alarm span { color: var(--soft) }
.quiet, .none { background: #eef3f7; border-radius: 6px; padding: 12px } .bad { color: var(--new) }
.map { width: 100%; height: auto; display: block; background: #e9ecef; border-radius: 4px }
.block { stroke: #fff; stroke-width: .6 } .c0 { fill: #b9bfc6 } .c1 { fill: #d3dfcf } .c2 { fill: #b4d0ab }
.c3 { fill: #8cbb7f } .c4 { fill: #5f9e52 } path.failed { fill: url(#hatch); stroke: #a33 }
.hatch { stroke: #a33; stroke-width: 1.2; fill: none } .aoi { fill: none; stroke: #222; stroke-width: 1.4 }
.dot { cursor: pointer; outline: none } .dot path { fill: none; stroke: currentColor; stroke-width: 1 }
.dot circle { fill: currentColor; fill-opacity: .55; stroke: #fff; stroke-width: 1.4 }
.dot:focus circle, .dot:hover circle, .dot.here circle { stroke: #000; stroke-width: 2.4; fill-opacity: .9 }
.w-new { color: var(--new) } .w-confirmed { color: var(--confirmed) } .w-returned { color: var(--returned) }
.w-grown { color: var(--grown) } .w-withdrawn, .w-merged { color: var(--withdrawn) } .w-stock { color: var(--stock) }
.tiles .w-new b { color: var(--new) } .tiles .w-confirmed b { color: var(--confirmed) }
.tiles .w-stock b { color: var(--stock) }
.legend { color: var(--soft); font-size: 13px; margin: -6px 0 16px } .legend span { white-space: nowrap }
.k { display: inline-block; width: 14px; height: 14px; border-radius: 3px; vertical-align: -2px; margin: 0 4px 0 10px }
.k.c0 { background: #b9bfc6 } .k.c1 { background: #d3dfcf } .k.c2 { background: #b4d0ab } .k.c3 { background: #8cbb7f }
.k.c4 { background: #5f9e52 } .k.failed { background: #fff; border: 2px dashed #a33 }
.k.dot { background: currentColor; border-radius: 50% }
.filters { display: flex; flex-wrap: wrap; gap: 10px 18px; align-items: center; margin-bottom: 14px }
.filters label { color: var(--soft) } .filters input[type=search], select { font: inherit; padding: 3px 6px;
  border: 1px solid #b8c0c8; border-radius: 4px; background: #fff; max-width: 220px }
fieldset { border: 1px solid var(--line); border-radius: 4px; padding: 2px 10px; margin: 0; display: flex; flex-wrap: wrap;
  gap: 4px 14px } legend { color: var(--soft); font-size: 12px } .filters label[class] { color: inherit }
.filters .w-new { color: var(--new) }
.keys { flex-basis: 100%; margin: 0; color: var(--soft); font-size: 12px }
#shown { float: right; color: var(--soft); font-weight: normal; font-size: 14px }
.lead { border-top: 1px solid var(--line); padding: 14px 0; color: var(--ink); scroll-margin-top: 8px }
.lead:focus { outline: 2px solid #1565c0; outline-offset: 6px } .lead[hidden] { display: none }
.dot[hidden] { display: none }
.tag { font-size: 12px; border: 1px solid currentColor; border-radius: 10px; padding: 1px 8px; margin-left: 8px;
  font-weight: normal }
.both { display: grid; grid-template-columns: minmax(260px, 480px) 1fr; gap: 16px }
.swipe { position: relative; margin: 0; --at: 50% } .swipe img { display: block; width: 100%; border-radius: 4px }
.swipe .over { position: absolute; inset: 0; clip-path: inset(0 0 0 var(--at)) }
.swipe::after { content: ""; position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px; margin-left: -1px;
  background: #fff; box-shadow: 0 0 3px #000; pointer-events: none }
.swipe input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize }
.swipe:focus-within { outline: 2px solid #1565c0; outline-offset: 2px }
dl { margin: 0; display: grid; gap: 6px; align-content: start } dl div { display: grid; grid-template-columns: 9em 1fr }
dt { color: var(--soft); font-size: 13px } dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; font-size: 13px } th, td { text-align: left; padding: 4px 8px;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
.year { margin-bottom: 12px } .year div { grid-template-columns: 20em 1fr } .funnel { margin-bottom: 12px }
.funnel tr:last-child td { font-weight: bold }
code { overflow-wrap: anywhere; font-size: 12px }
@media (max-width: 720px) { .both { grid-template-columns: 1fr } }
@page { size: A4; margin: 14mm 12mm }
@media print { body { background: #fff; padding: 0; max-width: none; font-size: 11px } .filters, .swipe input { display: none }
  section, footer { border: 0; padding: 0 } .lead { break-inside: avoid } .tiles div { flex-basis: 90px; padding: 4px 8px }
  .both { display: block } .swipe::after { display: none } .swipe { display: flex; gap: 6px } .swipe img { width: 49% }
  .swipe .over { position: static; clip-path: none } dl { columns: 2; display: block; margin-top: 6px }
  dl div { display: block; break-inside: avoid } dt { display: inline } dd { display: inline } }
"""
