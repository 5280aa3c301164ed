/** What stands above every page of an installation for development; nothing in production. */
export function bannerOf(environment: 'development' | 'production'): string | undefined {
  return environment === 'development' ? 'Development installation. Not for real business.' : undefined;
}
