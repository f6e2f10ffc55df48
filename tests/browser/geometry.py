"""What the tests measure of the Graph page in Chromium: places and sizes of its parts."""

from __future__ import annotations

from typing import Any

_ROOT = """
  const roots = [...document.querySelectorAll('*')].map(element => element.shadowRoot);
  const root = roots.find(root => root?.querySelector('.inspector-canvas')) ?? document;
  const box = element => element.getBoundingClientRect();
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top
    || b.bottom <= a.top;
  const within = (a, b) => a.left >= b.left && a.right <= b.right && a.top >= b.top
    && a.bottom <= b.bottom;
  const stage = box(root.querySelector('.stage'));
"""
MEASURE = f"""() => {{ {_ROOT}
  const scale = root.querySelector('.picture .view').getCTM().a;
  const drawn = [...root.querySelectorAll('.picture text')].filter(text => box(text).width > 0);
  const around = [...root.querySelectorAll('.strip, .foot')].filter(text => box(text).width > 0);
  const boxes = [...root.querySelectorAll('.node, .cluster')].map(box);
  const over = [...root.querySelectorAll('.tools, .overview:not([hidden])')].map(box);
  return {{
    share: stage.width * (Math.min(stage.bottom, innerHeight) - stage.top)
      / innerWidth / innerHeight,
    smallest: Math.min(...drawn.map(text => parseFloat(getComputedStyle(text).fontSize) * scale),
      ...around.map(text => parseFloat(getComputedStyle(text).fontSize))),
    texts: drawn.length,
    outside: boxes.filter(one => !within(one, stage)).length,
    covered: boxes.filter(one => over.some(other => !apart(one, other))).length,
    scrolls: document.querySelector('[data-testid=stMain]').scrollHeight > innerHeight,
  }};
}}"""
IN_VIEW = f"""name => {{ {_ROOT}
  const title = [...root.querySelectorAll('.cluster-title')]
    .find(title => title.textContent.includes(name));
  const frame = title && root.querySelector(`.cluster[data-cluster="${{title.dataset.cluster}}"]`);
  const nodes = [...root.querySelectorAll('.node')].map(box);
  const map = root.querySelector('.overview:not([hidden])');
  const isClear = !map || nodes.every(node => apart(node, box(map)));
  return Boolean(frame) && within(box(frame), stage) && isClear;
}}"""


def settle(page: Any) -> None:
    """Wait until the page's script has run and the picture stands still."""
    page.locator("#early-picture").wait_for(state="detached")
    page.locator('[data-test-script-state="running"]').wait_for(state="detached")
    page.evaluate(
        """async () => {
          const frame = () => new Promise(done => requestAnimationFrame(done));
          const roots = [...document.querySelectorAll('*')].map(element => element.shadowRoot);
          const root = roots.find(root => root?.querySelector('.picture .view'));
          const seen = () => JSON.stringify([root.querySelector('.stage').getBoundingClientRect(),
            root.querySelector('.view').getAttribute('transform')]);
          for (let same = 0, before = ''; same < 12; before = seen()) {
            await frame();
            same = seen() === before ? same + 1 : 0;
          }
        }"""
    )
