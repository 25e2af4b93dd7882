/** The keys of the page. Fields keep what is typed into them. */

export interface Actions {
  /** Chooses a trial of the session, this many further. */
  trial: (step: number) => void
  /** Chooses a trial of the table, this many further. */
  row: (step: number) => void
  /** Moves the crosshair in voxels. */
  move: (step: [number, number, number]) => void
  /** Puts the cursor into a field. */
  focus: (field: 'filter' | 'roi' | 'threshold-number' | 'show') => void
  nextLayout: () => void
  showKeys: () => void
}

/** Listens to the keys of the whole page. */
export function listen(actions: Actions): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    if (document.querySelector('dialog[open]')) return
    if (event.key === 'Escape') {
      closeMenus()
      if (isField(event.target)) (event.target as HTMLElement).blur()
      return
    }
    if (isField(event.target)) return
    const action = event.shiftKey ? shifted(event.key, actions) : plain(event.key, actions)
    if (!action) return
    event.preventDefault()
    action()
  })
}

function plain(key: string, actions: Actions): (() => void) | null {
  switch (key) {
    case 'ArrowLeft':
      return () => actions.trial(-1)
    case 'ArrowRight':
      return () => actions.trial(1)
    case 'ArrowUp':
      return () => actions.row(-1)
    case 'ArrowDown':
      return () => actions.row(1)
    case '/':
      return () => actions.focus('filter')
    case 'r':
      return () => actions.focus('roi')
    case 't':
      return () => actions.focus('threshold-number')
    case 'm':
      return () => actions.focus('show')
    case 'v':
      return actions.nextLayout
    case '?':
      return actions.showKeys
    default:
      return null
  }
}

function shifted(key: string, actions: Actions): (() => void) | null {
  const moves: Record<string, [number, number, number]> = {
    ArrowLeft: [-1, 0, 0],
    ArrowRight: [1, 0, 0],
    ArrowUp: [0, 1, 0],
    ArrowDown: [0, -1, 0],
    PageUp: [0, 0, 1],
    PageDown: [0, 0, -1],
  }
  const step = moves[key]
  if (step) return () => actions.move(step)
  // On many keyboards these are typed with Shift.
  return key === '?' || key === '/' ? plain(key, actions) : null
}

function closeMenus(): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>('details.menu[open]')) menu.open = false
}

function isField(element: EventTarget | null): boolean {
  return element instanceof HTMLElement && element.matches('input, select, textarea, [contenteditable]')
}
