/**
 * Light or dark: what the system prefers, or what was chosen here. A classic script of its own,
 * since it must run before the first paint.
 */
(() => {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const shown = () => root.dataset.theme ?? (system.matches ? 'dark' : 'light');
  const show = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    dispatchEvent(new Event('themechange'));
  };
  const storage = {
    read: () => attempt(() => localStorage.getItem('theme')),
    write: (theme) => attempt(() => localStorage.setItem('theme', theme)),
  };

  show(storage.read());
  system.addEventListener('change', () => dispatchEvent(new Event('themechange')));
  addEventListener('DOMContentLoaded', () => {
    document.getElementById('theme').addEventListener('click', () => {
      const theme = shown() === 'dark' ? 'light' : 'dark';
      storage.write(theme);
      show(theme);
    });
  });

  /** Storage throws where cookies are blocked; the choice then lasts as long as the page. */
  function attempt(action) {
    try {
      return action();
    } catch {
      return undefined;
    }
  }
})();
