// Before the first paint: scripts run here, and Bootstrap is told which theme the reader prefers.
{
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => { root.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  root.classList.add("js");
  dark.addEventListener("change", show);
  show();
}
