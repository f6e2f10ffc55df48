// Reads what inspector/view/packed.py wrote: boxes and edges as lists, names cut to what differs.

const FLAGS = ["scope", "ours", "feed", "fetch", "stub"];

function unpack(text) {
  const graph = JSON.parse(text), { texts } = graph;
  let before = [];
  const name = (same, rest) => {
    before = [...before.slice(0, same), ...rest]; // by characters, as Python counts them
    return before.join("");
  };
  graph.nodes = graph.nodes.map(([shared, rest, title, sub, same, kind, x, y, w, h, parent, flags]) => {
    const node = { name: name(shared, rest), title: texts[title], sub: texts[sub], same: texts[same], kind, x, y, w, h, parent };
    FLAGS.forEach((flag, bit) => { if (flags & (1 << bit)) node[flag] = 1; });
    return node;
  });
  for (const cluster of graph.clusters) cluster.name = name(...cluster.name);
  graph.edges = graph.edges.map(([a, b, n, label, back, ...p]) => {
    for (let i = 2; i < p.length; i++) p[i] += p[i - 2];
    return { a, b, n, t: texts[label], back, p };
  });
  return graph;
}
