export {
  type AddCheckpoint,
  formatAddCheckpoint,
  type ParsedAddCheckpoint,
  parseAddCheckpoint,
} from './add-checkpoint.ts';
export {
  type Checkpoint,
  type CheckpointVerdict,
  formatCheckpoint,
  type ParsedCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
} from './checkpoint.ts';
export { type DecodedBundle, decodeEntryBundle, encodeEntryBundle, maxEntrySize } from './entry-bundle.ts';
export { merkleLogErrors } from './errors.ts';
export { emptyRoot, hashChildren, hashLeaf, hashSize } from './hashing.ts';
export { createNodeReader, type ReadTile, type TileStorage, tilesFromStorage } from './node-reader.ts';
export { coverRange, type EntryRange, type NodeId } from './nodes.ts';
export {
  cosign,
  type NoteVerdict,
  type Sign,
  signNote,
  type VerifiedSignature,
  verifyNote,
} from './note-signatures.ts';
export {
  type ParsedPolicy,
  type PolicyFault,
  type PolicyLog,
  type PolicyWitness,
  parsePolicy,
  type Quorum,
  type TlogPolicy,
} from './policy.ts';
export {
  assembleProof,
  type ProofPlan,
  planConsistency,
  planInclusion,
  proveConsistency,
  proveInclusion,
  type ReadHashes,
} from './proofs.ts';
export { describeQuorum, meetsQuorum, type PolicyVerdict, verifyByPolicy } from './quorum.ts';
export {
  formatNote,
  formatSignature,
  maxNoteSignatures,
  maxNoteSize,
  type Note,
  type NoteSignature,
  type ParsedNote,
  parseNote,
  parseSignatures,
} from './signed-note.ts';
export {
  completedTiles,
  type EntryBundle,
  entryBundlePath,
  fullTileSize,
  parseTilePath,
  partialTiles,
  type Tile,
  type TileResource,
  tilePath,
  tileRoot,
  tileWidth,
  treeHasTile,
  widthInTree,
} from './tiles.ts';
export {
  formatTlogProof,
  type ParsedTlogProof,
  parseTlogProof,
  type TlogProof,
  type TlogProofVerdict,
  verifyTlogProof,
} from './tlog-proof.ts';
export { Frontier, type FrontierState } from './tree.ts';
export { maxTreeSize, parseTreeSize } from './tree-size.ts';
export {
  type ConsistencyClaim,
  type ConsistencyVerdict,
  type InclusionClaim,
  type InclusionVerdict,
  verifyConsistency,
  verifyInclusion,
} from './verification.ts';
export {
  computeKeyId,
  createVerifierKey,
  formatVerifierKey,
  type ParsedVerifierKey,
  parseVerifierKey,
  type SignatureType,
  signatureTypes,
  type VerifierKey,
} from './verifier-key.ts';
