/** One question at a time: a new one ends the one before. */

export class Latest {
  private current: AbortController | null = null

  /** Runs `work`; nothing comes of it when another was started meanwhile. */
  async run(work: (signal: AbortSignal) => Promise<void>, failed: (error: unknown) => void): Promise<void> {
    this.current?.abort()
    const mine = new AbortController()
    this.current = mine
    try {
      await work(mine.signal)
    } catch (error) {
      if (!mine.signal.aborted) failed(error)
    }
  }

  /** Ends what is running. */
  stop(): void {
    this.current?.abort()
    this.current = null
  }
}
