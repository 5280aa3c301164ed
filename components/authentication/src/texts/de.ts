import type { Texts } from './en.ts';
import { selfServiceDe } from './self-service-de.ts';

export const de: Texts = {
  selfService: selfServiceDe,
  webauthn: {
    lead: 'Verwenden Sie den Sicherheitsschlüssel oder Passkey, den Sie hier registriert haben.',
    stepUp: (person) => `Bestätigen Sie mit Ihrem Sicherheitsschlüssel oder Passkey, dass Sie ${person} sind.`,
    use: 'Sicherheitsschlüssel oder Passkey verwenden',
    refused:
      'Das wurde nicht angenommen. Verwenden Sie einen Sicherheitsschlüssel oder Passkey, den Sie hier registriert haben, oder fragen Sie die Kontenverwaltung Ihrer Firma.',
    tooWeak:
      'Dieser Sicherheitsschlüssel oder Passkey ist für das, was Sie vorhaben, nicht stark genug. Verwenden Sie einen, der sich nicht kopieren lässt und für den sein Hersteller bürgt.',
    used: 'Diese Seite war schon benutzt worden. Versuchen Sie es noch einmal.',
  },
  certificate: {
    lead: 'Stecken Sie Ihre Chipkarte in den Leser, oder halten Sie das Zertifikat Ihrer Firma bereit. Ihr Browser fragt, welches er verwenden soll.',
    use: 'Zertifikat oder Chipkarte verwenden',
    refusals: {
      certificate_missing:
        'Ihr Browser hat kein Zertifikat gezeigt. Stecken Sie die Karte in den Leser, schließen Sie alle Fenster des Browsers, wenn er nicht fragt, und versuchen Sie es noch einmal.',
      certificate_untrusted:
        'Dieses Zertifikat ist nicht von einer Stelle, der hier für Personen vertraut wird. Wählen Sie ein anderes.',
      certificate_expired:
        'Dieses Zertifikat, oder das, worauf es beruht, ist jetzt nicht gültig. Bitten Sie Ihre Firma um ein neues.',
      certificate_usage: 'Dieses Zertifikat ist nicht zum Anmelden. Wählen Sie ein anderes.',
      certificate_key_weak:
        'Der Schlüssel dieses Zertifikats ist zu schwach. Bitten Sie die ausstellende Stelle um ein neues.',
      certificate_policy:
        'Dieses Zertifikat wurde nicht nach den Regeln ausgestellt, die hier verlangt werden. Wählen Sie ein anderes.',
      certificate_revoked: 'Dieses Zertifikat wurde gesperrt. Bitten Sie Ihre Firma um ein neues.',
      certificate_status_unknown:
        'Ob dieses Zertifikat noch gilt, lässt sich gerade nicht feststellen. Versuchen Sie es später, oder melden Sie sich anders an.',
      person_unknown:
        'Unter diesem Zertifikat ist hier niemand bekannt. Wählen Sie ein anderes, oder wenden Sie sich an die Kontenverwaltung.',
    },
  },
  federated: {
    lead: 'Melden Sie sich bei Ihrer eigenen Firma an; sie sagt uns dann, wer Sie sind.',
    use: (name) => `Bei ${name} anmelden`,
    refusals: {
      provider_unknown:
        'Dort kann man sich zurzeit nicht anmelden. Melden Sie sich anders an, oder wenden Sie sich an die Kontenverwaltung.',
      provider_refused:
        'Sie wurden dort nicht angemeldet. Versuchen Sie es noch einmal, oder melden Sie sich anders an.',
      provider_answer_refused:
        'Was uns über Sie gesagt wurde, wird hier nicht angenommen. Wenden Sie sich an die Kontenverwaltung Ihrer Firma.',
      provider_unavailable:
        'Die Stelle, bei der Sie sich anmelden, antwortet nicht. Versuchen Sie es später, oder melden Sie sich anders an.',
      person_unknown:
        'Was uns über Sie gesagt wurde, wird hier nicht angenommen. Wenden Sie sich an die Kontenverwaltung Ihrer Firma.',
    },
  },
  enrolment: {
    title: 'Sicherheitsschlüssel oder Passkey registrieren',
    lead: 'Sie sind eingeladen, sich hier zu registrieren. Danach melden Sie sich mit dem an, was Sie registrieren.',
    person: 'Sie sind',
    firm: 'Firma',
    until: 'Dieser Link gilt einmal, bis',
    notYou: 'Wenn Sie das nicht sind, schließen Sie diese Seite und sagen Sie es dem Absender des Links.',
    how: 'Ihr Browser fragt nach Ihrem Schlüssel und nach dessen PIN oder nach Ihrem Fingerabdruck oder Gesicht. Ein Passwort gibt es nicht, und was Sie registrieren, verlässt Ihren Schlüssel nie.',
    hardware:
      'Ihre Rolle verlangt einen Sicherheitsschlüssel, der sich nicht kopieren lässt und für den sein Hersteller bürgt.',
    any: 'Ein Sicherheitsschlüssel oder der Passkey dieses Geräts oder Ihres Telefons genügt.',
    name: 'Name des Schlüssels',
    nameHint: 'Damit Sie Ihre Schlüssel später unterscheiden können, zum Beispiel „blauer Schlüssel, Büro“.',
    register: 'Registrieren',
    problem: 'Es wurde nichts registriert.',
    doneTitle: 'Registriert',
    done: 'ist registriert. Von jetzt an melden Sie sich damit an.',
    doneHardware: 'Er zählt als Schlüssel, der sich nicht kopieren lässt.',
    another:
      'Registrieren Sie bald einen zweiten Schlüssel auf Ihrer eigenen Seite: Wer nur einen hat und ihn verliert, muss seine Identität neu nachweisen.',
    code: 'Code',
  },
  refusals: {
    credential_malformed:
      'Was Ihr Browser gesendet hat, ist nicht lesbar. Versuchen Sie es mit einem aktuellen Browser.',
    challenge_unknown: 'Diese Seite war schon benutzt oder stand zu lange offen. Versuchen Sie es noch einmal.',
    challenge_mismatch:
      'Der Schlüssel hat auf etwas anderes geantwortet als gefragt war. Versuchen Sie es noch einmal.',
    answer_overtaken:
      'Sie haben mit diesem Schlüssel inzwischen etwas anderes bestätigt. Versuchen Sie es noch einmal.',
    origin_wrong: 'Der Schlüssel wurde an einer anderen Adresse als dieser benutzt. Prüfen Sie die Adresse im Browser.',
    rp_id_wrong: 'Der Schlüssel hat für einen anderen Dienst geantwortet. Prüfen Sie die Adresse im Browser.',
    user_not_present: 'Der Schlüssel wurde nicht berührt.',
    user_not_verified:
      'Der Schlüssel hat nicht geprüft, wer Sie sind. Richten Sie zuerst eine PIN oder einen Fingerabdruck darauf ein.',
    signature_wrong:
      'Was der Schlüssel unterschrieben hat, gilt nicht. Versuchen Sie es noch einmal oder mit einem anderen.',
    credential_unknown: 'Dieser Schlüssel ist hier nicht registriert.',
    credential_registered: 'Dieser Schlüssel ist schon registriert. Verwenden Sie einen anderen.',
    credential_shared: 'Dieser Schlüssel gehört auch jemand anderem. Registrieren Sie einen anderen.',
    counter_rolled_back:
      'Von diesem Schlüssel gibt es vielleicht eine Kopie. Er zählt nicht mehr; wenden Sie sich an die Kontenverwaltung.',
    backup_flags_changed:
      'Dieser Schlüssel ist nicht mehr, was er bei der Registrierung war. Verwenden Sie einen anderen.',
    device_bound_required:
      'Ihre Rolle verlangt einen Schlüssel, der sich nicht auf andere Geräte kopieren lässt. Verwenden Sie einen Sicherheitsschlüssel.',
    attestation_required:
      'Ihre Rolle verlangt einen Schlüssel, für den sein Hersteller bürgt; dieser hat nicht gesagt, von wem er ist.',
    attestation_untrusted: 'Dem Hersteller dieses Schlüssels wird hier nicht vertraut.',
    authenticator_model_refused: 'Schlüssel dieses Modells werden hier nicht angenommen.',
    authenticator_too_weak:
      'Dieser Schlüssel ist für Ihre Rolle nicht stark genug. Registrieren Sie einen, der sich nicht kopieren lässt.',
    authenticator_none: 'Sie haben keinen Schlüssel, der dafür genügt.',
    authenticator_not_found: 'Sie haben keinen solchen Schlüssel.',
    authenticator_last: 'Das ist Ihr letzter Schlüssel. Registrieren Sie zuerst einen anderen.',
    authenticators_most: 'Sie haben so viele Schlüssel wie erlaubt. Entfernen Sie zuerst einen.',
    invitation_unknown:
      'Dieser Link ist nicht bekannt: Er wurde benutzt, ist zu alt oder wurde ersetzt. Bitten Sie um einen neuen.',
    recovery_needed: 'Sie hatten schon einen Schlüssel. Für einen neuen bitten Sie um eine Wiederherstellung.',
    account_locked: 'Dieses Konto ist gesperrt. Wenden Sie sich an die Kontenverwaltung Ihrer Firma.',
  },
  notices: {
    added: (name) =>
      `Für Ihr Konto wurde ein Sicherheitsschlüssel oder Passkey registriert: „${name}“. Wenn Sie das nicht waren, lassen Sie Ihr Konto sofort sperren.`,
    removed: (name) =>
      `Der Sicherheitsschlüssel oder Passkey „${name}“ wurde aus Ihrem Konto entfernt. Wenn Sie nicht wissen, warum, fragen Sie die Kontenverwaltung.`,
    suspected: (name) =>
      `Von Ihrem Sicherheitsschlüssel oder Passkey „${name}“ gibt es vielleicht eine Kopie. Er zählt nicht mehr, und Sie wurden überall abgemeldet. Verwenden Sie einen anderen und entfernen Sie diesen.`,
    locked: 'Ihr Konto wurde gesperrt. Sie können sich nicht anmelden, bis es entsperrt ist.',
    unlocked: 'Ihr Konto wurde entsperrt.',
    newDevice: (where: string) =>
      `Jemand hat sich bei Ihrem Konto auf eine Weise angemeldet, die hier neu ist: ${where}. Waren Sie das nicht, lassen Sie Ihr Konto sofort sperren.`,
    impossibleTravel: (where: string) =>
      `Ihr Konto wurde von zwei Orten aus benutzt, die zu weit auseinander liegen, um zu reisen, das zweite Mal von ${where}. Waren Sie das nicht, lassen Sie Ihr Konto sofort sperren; waren Sie es, kann die Kontenverwaltung den Hinweis aufheben.`,
  },
  signIn: {
    title: 'Anmelden',
    titleAgain: 'Noch einmal anmelden',
    confirm: 'Bestätigen',
    asks: 'bittet Sie zu zeigen, wer Sie sind.',
    asksAbout: (count) =>
      count === 1
        ? 'bittet Sie, einen Auftrag zu bestätigen. Was Sie hier tun, gilt für diesen Auftrag allein.'
        : `bittet Sie, ${count} Aufträge zu bestätigen. Was Sie hier tun, gilt für diese allein.`,
    boundTo: 'Es ist an den Fingerabdruck gebunden, der überall beim Auftrag steht:',
    moreIsAsked: 'Hier wird mehr von Ihnen verlangt als bei der Anmeldung.',
    notSignedIn: 'Sie sind nicht angemeldet.',
    cancel: 'Abbrechen',
    goBack: 'Zurück',
    impossible: 'Die Anmeldung ist nicht möglich.',
    noMethod: 'Auf dieser Installation ist kein Anmeldeverfahren eingerichtet; niemand kann hinein.',
    noneFits: 'Keines der Anmeldeverfahren dieser Installation ist von der Art, die diese Anwendung verlangt.',
    helpCode: 'Wenn Sie um Hilfe bitten, nennen Sie diesen Code:',
    signedInAs: 'Sie sind hier angemeldet als',
    somebodyElse: 'Als jemand anderes anmelden',
    reasons: {
      step_up_very_large: 'Der Auftrag ist so groß, dass er mit einem Schlüssel in Hardware zu bestätigen ist.',
      step_up_risk: 'An diesem Konto ist etwas ungewöhnlich; bitte bestätigen Sie mit Ihrem Schlüssel.',
      acr_demanded: 'Die Anwendung muss sicher sein, dass Sie es sind und dass Sie es jetzt wollen.',
    },
    problems: {
      credential_unknown:
        'Das wurde nicht angenommen. Verwenden Sie einen Sicherheitsschlüssel oder Passkey, den Sie hier registriert haben, oder fragen Sie die Kontenverwaltung Ihrer Firma.',
      authenticator_too_weak:
        'Was Sie verwendet haben, ist hierfür nicht stark genug. Verwenden Sie einen Schlüssel, der sich nicht kopieren lässt.',
      challenge_unknown: 'Dieses Formular war schon gesendet worden. Bitte versuchen Sie es von hier aus noch einmal.',
      institution_not_issued: 'Die Registrierung (LEI) des Instituts ist nicht in Ordnung.',
      sign_in_too_old: 'Ihre Anmeldung dort ist hierfür zu lange her. Melden Sie sich dort noch einmal an.',
      device_required: 'Hierfür braucht es ein verwaltetes Gerät Ihrer Firma, und keines hat sich gezeigt.',
      device_not_yours: 'Dieses Gerät gehört jemand anderem.',
      device_failing:
        'Dieses Gerät erfüllt die Regeln Ihrer Firma nicht. Lassen Sie es richten oder nehmen Sie ein anderes.',
      device_stale: 'Dieses Gerät wurde zu lange nicht geprüft. Lassen Sie es prüfen.',
      device_unknown: 'Dieses Gerät ist hier nicht bekannt.',
      device_proof_wrong: 'Dieses Gerät konnte nicht zeigen, dass es das ist, für das es sich ausgibt.',
    },
  },
};
