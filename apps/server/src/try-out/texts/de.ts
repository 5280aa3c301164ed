import type { Texts } from './en.ts';

export const de: Texts = {
  banner: 'Installation für die Entwicklung. Hier ist nichts echt.',
  title: 'Ausprobieren',
  lead: 'Ein Algorithmus eines Beispielhauses will für eine halbe Million Anleihen kaufen. Allein darf er das nicht: Eine Aufsicht muss genau diesen Auftrag signieren. Die Aufsicht sind Sie.',
  keyTitle: '1. Einen Schlüssel anmelden',
  keyText:
    'Einen Sicherheitsschlüssel oder einen Passkey dieses Geräts. Der Betreiber lädt Sie mit einem Link ein, der einmal gilt; eine Firma prüft vorher, wer Sie sind, hier prüft niemand.',
  key: 'Schlüssel anmelden',
  keyAfter: 'Die Seite öffnet sich neben dieser. Kommen Sie danach hierher zurück.',
  orderTitle: '2. Einen Auftrag freigeben',
  orderText:
    'Der Auftrag wird erteilt, und Sie werden zu ihm geführt. Melden Sie sich mit Ihrem Schlüssel an, lesen Sie, was geschehen soll, und geben Sie es frei: Ihr Schlüssel signiert den Fingerabdruck dieses Auftrags und sonst nichts.',
  order: 'Auftrag erteilen und ansehen',
  proofTitle: '3. Den Beweis ansehen',
  proofText:
    'Jeder Schritt wurde aufgezeichnet, bevor er beantwortet wurde. Die Nummer der Transaktion steht in der Adresse ihrer Seite.',
  notReal:
    'Firmen, Personen und Auftrag sind erfunden, und der Auftrag geht nirgendwohin. Diese Seite gibt es nur in einer Installation für die Entwicklung: Wer sie öffnet, wird Aufsicht des Beispielhauses.',
};
