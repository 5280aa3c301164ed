import type {
  authenticationErrors,
  authenticatorErrors,
  DirectorySnapshot,
  deviceErrors,
  PrincipalId,
  SignInNeed,
} from '@countersign/contracts';
import type { AuthenticatorId } from '@countersign/kernel';
import type { Html } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** The input of a method that draws its part of the sign-in page. */
export interface MethodPage {
  /** The path that its forms are sent to. */
  readonly action: string;
  /** Hidden fields that every form of the method must hold to be accepted. */
  readonly hidden: Html;
  /** The button by which a person gives up; belongs into the form. */
  readonly cancel: Html;
  /** What was put into the address of the page, and of a form that is shown again whom it was about; bounded. */
  readonly query: ReadonlyMap<string, string>;
  readonly need: SignInNeed;
  readonly directory: DirectorySnapshot;
  /** 32 bytes, base64url; of this showing of the page alone. Holds the intents, where the sign-in is for some. */
  readonly challenge: string;
  /** Who is signed in here already and shows once more who they are. */
  readonly person: PrincipalId | undefined;
  /** Language of the page (BCP 47), as `chooseTexts` of the runtime chose it; English when left out. */
  readonly lang?: string;
}

/** The input of a sign-in attempt. */
export interface MethodAttempt {
  readonly fields: ReadonlyMap<string, string>;
  readonly directory: DirectorySnapshot;
  /** As it was shown; it has been used up for this attempt. */
  readonly challenge: string;
  /** When it was shown, milliseconds since the epoch. */
  readonly shownAt: number;
  readonly need: SignInNeed;
  readonly person: PrincipalId | undefined;
  readonly address: string | undefined;
  /** Of the sign-in: the path of its page is `/sign-in/{handle}`. */
  readonly handle: string;
}

/** What came of one attempt. Who was shown still has to be in the directory, of an institution that may act. */
export type MethodOutcome =
  | {
      readonly outcome: 'shown';
      readonly person: PrincipalId;
      readonly acr: string;
      /** RFC 8176. */
      readonly amr: readonly string[];
      readonly authenticator?: AuthenticatorId;
      /** Whether its challenge held the intents: only then does the sign-in count as made for them. */
      readonly boundToIntents?: boolean;
      /** Seconds since the epoch, where somebody else signed the person in; now when left out. */
      readonly authTime?: number;
      /** Issuer that vouches for the person, where it was somebody else. */
      readonly issuer?: string;
      /** SHA-256 of the certificate that was shown, base64url. */
      readonly certificate?: string;
    }
  /**
   * The browser is sent on to where the person shows who they are. It comes back to an address of the method, which
   * ends it by {@link MethodAnswers.arrive} with the challenge of this attempt.
   */
  | { readonly outcome: 'elsewhere'; readonly location: string }
  | {
      readonly outcome: 'refused';
      readonly code:
        | keyof (typeof authenticationErrors)['codes']
        | keyof (typeof authenticatorErrors)['codes']
        | keyof (typeof deviceErrors)['codes'];
      /** For the person: what was wrong, what to do now. */
      readonly detail: string;
      /** Whom it was about, where that was established: the refusal is then recorded as theirs. */
      readonly person?: PrincipalId;
    };

export type MethodRefusal = Extract<MethodOutcome, { outcome: 'refused' }>;

/** What the addresses of a method answer with. */
export interface MethodAnswers {
  /** Shows errors on a page and never redirects. */
  onPage<Request extends FastifyRequest>(
    handler: (request: Request, reply: FastifyReply) => Promise<FastifyReply>,
  ): (request: Request, reply: FastifyReply) => Promise<FastifyReply>;
  /**
   * Ends a sign-in for a browser that comes back from where a method sent it: signed in and sent on, or to the page
   * again with what was wrong.
   *
   * @throws CodedError of the vocabulary of sign-ins; wrap the handler in `onPage`
   */
  arrive(
    request: FastifyRequest,
    reply: FastifyReply,
    arrival: {
      readonly handle: string;
      /** Of the attempt that sent them away. */
      readonly challenge: string;
      readonly method: SignInMethod;
      readonly outcome: Exclude<MethodOutcome, { outcome: 'elsewhere' }>;
    },
  ): Promise<FastifyReply>;
}

/** A sign-in method. A new one is a file in this folder and a name in `create-methods.ts`. */
export interface SignInMethod {
  readonly name: string;
  /** The authentication context classes that a sign-in by this method can have. */
  readonly acrs: readonly string[];
  /** Whether its part of the page needs the page's script. */
  readonly script?: boolean;
  /** Whether its challenge can hold intents. Only such a method is offered where a sign-in is for some. */
  readonly bindsIntents?: boolean;
  /** Where its forms may lead beside our own origin, for the page's `form-action`. */
  readonly formAction?: readonly string[];
  /** The refusal for unknown people; locked-out people and leavers get the same one. */
  readonly nobody?: MethodRefusal;
  /** Its part of the sign-in page, with its forms. */
  draw(page: MethodPage): Html | Promise<Html>;
  /** Judges what its form sent. Attempts are counted and bounded before it is asked. */
  attempt(attempt: MethodAttempt): Promise<MethodOutcome>;
  /** Records an answer whose challenge was already used. */
  replayed?(attempt: Pick<MethodAttempt, 'fields' | 'address'>): Promise<void>;
  /** Addresses of its own, e.g. where a browser comes back to. */
  routes?(app: FastifyInstance, answers: MethodAnswers): void;
}
