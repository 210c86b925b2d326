// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const list = document.getElementById("hosts");
  const all = [...list.children];
  const byId = (id) => document.getElementById(id);

  // Whatever comes from a host is put in as text, never as HTML.
  const make = (name, looks, ...inside) => {
    const it = document.createElement(name);
    if (looks) it.className = looks;
    it.append(...inside.filter((one) => one !== null && one !== undefined));
    return it;
  };

  const size = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (bytes >= 1000 && at < units.length - 1) { bytes /= 1024; at += 1; }
    return `${bytes < 10 && at > 1 ? bytes.toFixed(1) : Math.round(bytes)} ${units[at]}`;
  };
  const number = (count) => count.toLocaleString("en", { maximumFractionDigits: count < 100 ? 1 : 0 });
  const short = (count) => count < 1000 ? `${count}` : count < 1e6 ? `${Math.round(count / 1e3)}k` : `${Math.round(count / 1e6)}M`;
  const part = (of, total) => `${Math.min(100, 100 * of / total).toFixed(2)}%`;

  // -- what is drawn when a host is opened ---------------------------------------------------------

  const titled = (title, ...inside) => make("div", "", make("h3", "", title), ...inside);

  const findings = (host) => titled("Findings", make("ul", "", ...host.findings.map(([severity, subject, finding, evidence, advice]) =>
    make("li", "finding",
      make("span", `badge ${severity}`, severity),
      make("div", "", make("div", "", `${finding} (${subject})`), make("div", "quiet", evidence), make("div", "todo", `→ ${advice}`))))));

  const bullet = ([node, zone, [free, min, low, high]]) => {
    const end = Math.max(high * 3, 1);
    const track = make("div", "track");
    track.setAttribute("aria-hidden", "true");
    let from = 0;
    for (const [to, name] of [[min, "min"], [low, "low"], [high, "high"], [end, "rest"]]) {
      const band = make("i");
      band.style.width = part(to - from, end);
      band.style.background = `var(--zone-${name})`;
      track.append(band);
      from = to;
    }
    const bar = make("span", "free");
    bar.style.width = part(free, end);
    track.append(bar);
    const where = free < min ? "below min" : free < low ? "below low" : free < high ? "below high" : `${number(free / Math.max(high, 1))} × high`;
    return make("div", "bullet", make("span", "", `node ${node}, ${zone}`), track,
      make("span", "text", make("em", "", `${size(free)} free`), ` ${where}; min ${size(min)}, low ${size(low)}, high ${size(high)}`));
  };

  const heat = (zones) => {
    const orders = Math.max(...zones.map((zone) => zone[3].length));
    const heads = [...Array(orders).keys()].map((order) => make("th", "", size(4096 * 2 ** order)));
    const rows = zones.map(([node, zone, , blocks, colours]) => make("tr", "",
      make("th", "", `node ${node}, ${zone}`),
      ...blocks.map((count, order) => {
        const cell = make("td", `u${colours[order]}`, short(count));
        cell.title = `${number(count)} free blocks of ${size(4096 * 2 ** order)}`;
        return cell;
      })));
    const note = make("p", "note", "The number: free blocks of that size. The colour: how much of the free memory can serve a request of that size.");
    return make("div", "", make("div", "scroll", make("table", "heat", make("thead", "", make("tr", "", make("th", ""), ...heads)), make("tbody", "", ...rows))), note);
  };

  const area = ([path, tier, total, used, priority]) => {
    const filled = make("b");
    filled.style.width = part(used, total);
    const whole = make("i", tier, filled);
    whole.style.width = "100%";
    return make("div", "area", make("div", "", path),
      make("span", "bar tiers", whole),
      make("span", "text", make("em", "", `${size(used)} of ${size(total)}`), ` priority ${priority}`));
  };

  const compressed = ([name, algorithm, stored, taken]) => make("p", "text",
    stored ? `${name}: ${size(stored)} kept in ${size(taken)} of RAM (${algorithm})` : `${name}: empty (${algorithm})`);

  const table = (heads, rows) => make("div", "scroll", make("table", "",
    make("thead", "", make("tr", "", ...heads.map((text, at) => make(text ? "th" : "td", at ? "right" : "", text)))),
    make("tbody", "", ...rows.map((row) => make("tr", "", ...row.map((text, at) => make("td", at ? "right" : "", text)))))));

  const opened = (host) => {
    const inside = make("div", "open");
    const wide = (one) => { one.classList.add("wide"); inside.append(one); };
    if (host.findings.length) wide(findings(host));
    if (host.missing) {
      wide(titled("Not seen", make("p", "quiet", host.missing)));
      return inside;
    }
    if (host.zones.length) inside.append(titled("Free memory against the watermarks, by zone", ...host.zones.map(bullet),
      make("p", "note", "The thin bar: free memory. Behind it: up to min, up to low, up to high, and above.")));
    inside.append(titled("Swap", ...host.swaps.map(area), ...host.zram.map(compressed),
      host.swaps.length ? null : make("p", "quiet", "No swap is on.")));
    const blocks = host.zones.filter((zone) => zone[3].length);
    if (blocks.length) wide(titled("Free blocks, by zone and size", heat(blocks)));
    inside.append(titled("Memory", table(["", "now"], host.amounts.map(([name, bytes]) => [name, size(bytes)]))));
    const counters = host.counters.map(([name, count, rate]) => [name, number(count), rate === null ? "–" : number(rate)]);
    const pressure = host.pressure.map(([kind, ...shares]) => [kind, ...shares.map((share) => `${share} %`)]);
    const told = titled("Reclaim", table(["", "since boot", "a second"], counters));
    if (pressure.length) told.append(make("br"), table(["Pressure", "10 s", "60 s", "300 s"], pressure));
    inside.append(told);
    return inside;
  };

  const open = (host) => { if (host.children.length === 1) host.append(opened(data.hosts[host.dataset.at])); };
  list.addEventListener("toggle", (event) => { if (event.target.open) open(event.target); }, true);

  // -- filter --------------------------------------------------------------------------------------

  const text = data.hosts.map((host) => [host.name, host.missing || "", ...host.findings.flat()].join("\n").toLowerCase());
  const severities = data.hosts.map((host) => new Set(host.missing ? ["not seen"] : host.findings.map((one) => one[0])));
  const chips = [...document.querySelectorAll(".chip")];
  const input = byId("filter");

  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const only = chips.filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.only);
    let shown = 0;
    for (const host of all) {
      const at = host.dataset.at;
      const fits = words.every((word) => text[at].includes(word)) && (!only.length || only.some((one) => severities[at].has(one)));
      host.hidden = !fits;
      shown += fits;
    }
    byId("none").hidden = shown > 0;
    const hosts = `${number(all.length)} ${all.length === 1 ? "host" : "hosts"}`;
    byId("shown").textContent = shown === all.length ? hosts : `${number(shown)} of ${hosts}`;
  };
  input.addEventListener("input", filter);
  for (const chip of chips) {
    chip.addEventListener("click", () => { chip.ariaPressed = String(chip.ariaPressed !== "true"); filter(); });
  }

  // -- sorting -------------------------------------------------------------------------------------

  const heads = [...document.querySelectorAll("[data-sort]")];
  const upFirst = new Set(["name", "available", "ratio", "blocks", "findings"]); // for these, low values are what one looks for

  const compare = (one, other) => {
    if (Array.isArray(one)) return one.map((value, at) => value - other[at]).find((value) => value) || 0;
    return typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
  };

  const sort = (column, up) => {
    const value = (host) => column === "name" ? data.hosts[host.dataset.at].name : data.hosts[host.dataset.at].sort[column];
    const keyed = all.map((host) => [value(host), host]);
    keyed.sort(([one], [other]) => {
      if (one === null || other === null) return (one === null) - (other === null); // without a value: last, always
      return up ? compare(one, other) : -compare(one, other);
    });
    list.append(...keyed.map(([, host]) => host));
    for (const head of heads) {
      head.ariaPressed = String(head.dataset.sort === column);
      head.dataset.back = String(head.dataset.sort === column && up !== upFirst.has(column));
    }
  };
  for (const head of heads) {
    head.addEventListener("click", () => {
      const column = head.dataset.sort;
      const again = head.ariaPressed === "true";
      sort(column, (again && head.dataset.back !== "true") !== upFirst.has(column));
    });
  }

  // -- findings lead to their hosts ----------------------------------------------------------------

  const show = (at) => {
    input.value = "";
    for (const chip of chips) chip.ariaPressed = "false";
    filter();
    const host = all[at];
    open(host);
    host.open = true;
    host.scrollIntoView();
    host.firstElementChild.focus({ preventScroll: true });
  };

  const member = ([at, said]) => {
    const link = make("a", "", data.hosts[at].name);
    link.href = `#${at}`;
    link.addEventListener("click", (event) => { event.preventDefault(); show(at); });
    return make("li", "", link, make("span", "quiet", said));
  };

  for (const group of document.querySelectorAll("[data-group]")) {
    group.addEventListener("toggle", () => {
      if (group.open && !group.querySelector(".members")) {
        group.append(make("ul", "members", ...data.groups[group.dataset.group].map(member)));
      }
    });
  }
})();
