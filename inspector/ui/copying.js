// Copies the name beside a button of `copying.box`; one listener for all of a page's.

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // A page that is not served over https, from another machine, has no clipboard of its own.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

async function pressed(event) {
  const button = event.target.closest?.(".name button");
  if (!button) return;
  await copy(button.previousElementSibling.textContent);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

export default function ({ parentElement }) {
  if (parentElement.listening) return;
  parentElement.listening = true;
  document.addEventListener("click", pressed);
  return () => document.removeEventListener("click", pressed);
}
