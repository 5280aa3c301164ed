/** The banner above every page of a development installation; none in production. */
export function bannerOf(environment: 'development' | 'production'): string | undefined {
  return environment === 'development' ? 'Development installation. Not for real business.' : undefined;
}
