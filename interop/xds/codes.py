"""Identifiers of XDS.b and of its French profile for the DMP.

Sources: IHE ITI TF-3 (ebRIM object types, classification schemes, stored queries), CI-SIS volet "Partage de
documents de santé", official DMP example messages. UUIDs and URNs are national or international facts.
"""

from typing import Final

from interop.ins.codes import INS_NIA_OID, INS_NIR_DEMO_OID, INS_NIR_OID, INS_NIR_TEST_OID
from interop.ins.codes import INS_OIDS as INS_OIDS

# Namespaces
NS_RIM: Final = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
NS_RS: Final = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
NS_QUERY: Final = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
NS_LCM: Final = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
NS_XDSB: Final = "urn:ihe:iti:xds-b:2007"

# WS-Addressing actions
ACTION_ITI41: Final = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
ACTION_ITI41_RESPONSE: Final = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse"
ACTION_ITI18: Final = "urn:ihe:iti:2007:RegistryStoredQuery"
ACTION_ITI18_RESPONSE: Final = "urn:ihe:iti:2007:RegistryStoredQueryResponse"
ACTION_ITI43: Final = "urn:ihe:iti:2007:RetrieveDocumentSet"
ACTION_ITI43_RESPONSE: Final = "urn:ihe:iti:2007:RetrieveDocumentSetResponse"
ACTION_ITI57: Final = "urn:ihe:iti:2010:UpdateDocumentSet"
ACTION_ITI57_RESPONSE: Final = "urn:ihe:iti:2010:UpdateDocumentSet-Response"

# Service paths of the DMP, below .../si-dmp-server/v2/services/
PATH_REGISTRY: Final = "registry"
PATH_REPOSITORY: Final = "repository"

# Object types
TYPE_STABLE_DOCUMENT: Final = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
TYPE_ASSOCIATION: Final = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Association"
TYPE_CLASSIFICATION: Final = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Classification"
TYPE_EXTERNAL_IDENTIFIER: Final = (
    "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:ExternalIdentifier"
)
TYPE_REGISTRY_PACKAGE: Final = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:RegistryPackage"
NODE_SUBMISSION_SET: Final = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"

# Classification schemes of a document entry
SCHEME_AUTHOR: Final = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
SCHEME_CLASS_CODE: Final = "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a"
SCHEME_CONFIDENTIALITY_CODE: Final = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f"
SCHEME_EVENT_CODE: Final = "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4"
SCHEME_FORMAT_CODE: Final = "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d"
SCHEME_FACILITY_TYPE_CODE: Final = "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1"
SCHEME_PRACTICE_SETTING_CODE: Final = "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead"
SCHEME_TYPE_CODE: Final = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983"

# External identifiers of a document entry
IDENTIFIER_ENTRY_PATIENT: Final = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
IDENTIFIER_ENTRY_UNIQUE: Final = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"

# Classification schemes and external identifiers of a submission set
SCHEME_SET_AUTHOR: Final = "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d"
SCHEME_SET_CONTENT_TYPE: Final = "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500"
IDENTIFIER_SET_PATIENT: Final = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446"
IDENTIFIER_SET_SOURCE: Final = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832"
IDENTIFIER_SET_UNIQUE: Final = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8"

# Names of the external identifiers
NAME_ENTRY_PATIENT: Final = "XDSDocumentEntry.patientId"
NAME_ENTRY_UNIQUE: Final = "XDSDocumentEntry.uniqueId"
NAME_SET_PATIENT: Final = "XDSSubmissionSet.patientId"
NAME_SET_SOURCE: Final = "XDSSubmissionSet.sourceId"
NAME_SET_UNIQUE: Final = "XDSSubmissionSet.uniqueId"

# Slots
SLOT_CREATION_TIME: Final = "creationTime"
SLOT_LANGUAGE_CODE: Final = "languageCode"
SLOT_LEGAL_AUTHENTICATOR: Final = "legalAuthenticator"
SLOT_SERVICE_START: Final = "serviceStartTime"
SLOT_SERVICE_STOP: Final = "serviceStopTime"
SLOT_SOURCE_PATIENT_ID: Final = "sourcePatientId"
SLOT_SOURCE_PATIENT_INFO: Final = "sourcePatientInfo"
SLOT_HASH: Final = "hash"
SLOT_SIZE: Final = "size"
SLOT_URI: Final = "URI"
SLOT_REPOSITORY_UNIQUE_ID: Final = "repositoryUniqueId"
SLOT_REFERENCE_ID_LIST: Final = "urn:ihe:iti:xds:2013:referenceIdList"
SLOT_SUBMISSION_TIME: Final = "submissionTime"
SLOT_INTENDED_RECIPIENT: Final = "intendedRecipient"
SLOT_AUTHOR_PERSON: Final = "authorPerson"
SLOT_AUTHOR_INSTITUTION: Final = "authorInstitution"
SLOT_AUTHOR_SPECIALTY: Final = "authorSpecialty"
SLOT_AUTHOR_ROLE: Final = "authorRole"
SLOT_CODING_SCHEME: Final = "codingScheme"
SLOT_SUBMISSION_SET_STATUS: Final = "SubmissionSetStatus"
SLOT_PREVIOUS_VERSION: Final = "PreviousVersion"
SLOT_ORIGINAL_STATUS: Final = "OriginalStatus"
SLOT_NEW_STATUS: Final = "NewStatus"
SUBMISSION_SET_ORIGINAL: Final = "Original"
UPDATED_ENTRY_ID: Final = "Document01"
"""Local id of an entry whose metadata are updated."""

# Associations
ASSOCIATION_HAS_MEMBER: Final = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
ASSOCIATION_REPLACE: Final = "urn:ihe:iti:2007:AssociationType:RPLC"
ASSOCIATION_SIGNS: Final = "urn:ihe:iti:2007:AssociationType:signs"
ASSOCIATION_UPDATE_STATUS: Final = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"

# Availability status of a document (archived and deleted are French values)
STATUS_APPROVED: Final = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
STATUS_DEPRECATED: Final = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
STATUS_SUBMITTED: Final = "urn:oasis:names:tc:ebxml-regrep:StatusType:Submitted"
STATUS_ARCHIVED: Final = "urn:asip:ci-sis:2010:StatusType:Archived"
STATUS_DELETED: Final = "urn:asip:ci-sis:2010:StatusType:Deleted"

# Status of a response, and severity of an error
RESPONSE_SUCCESS: Final = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
RESPONSE_FAILURE: Final = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"
RESPONSE_PARTIAL: Final = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"
SEVERITY_ERROR: Final = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"
SEVERITY_WARNING: Final = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Warning"

# Stored queries (IHE ITI TF-2 3.18)
QUERY_FIND_DOCUMENTS: Final = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
QUERY_FIND_SUBMISSION_SETS: Final = "urn:uuid:f26abbcb-ac74-4422-8a30-edb644bbc1a9"
QUERY_GET_ASSOCIATIONS: Final = "urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155"
QUERY_GET_DOCUMENTS: Final = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
QUERY_GET_DOCUMENTS_AND_ASSOCIATIONS: Final = "urn:uuid:bab9529a-4a10-40b3-a01f-f68a615d247a"
QUERY_GET_RELATED_DOCUMENTS: Final = "urn:uuid:d90e5407-b356-4d91-a89f-873917b4b0e6"
QUERY_FIND_DOCUMENTS_BY_REFERENCE: Final = "urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492"
RETURN_LEAF_CLASS: Final = "LeafClass"
RETURN_OBJECT_REF: Final = "ObjectRef"

# Parameters of the stored queries
PARAM_PATIENT_ID: Final = "$XDSDocumentEntryPatientId"
PARAM_STATUS: Final = "$XDSDocumentEntryStatus"
PARAM_CLASS_CODE: Final = "$XDSDocumentEntryClassCode"
PARAM_TYPE_CODE: Final = "$XDSDocumentEntryTypeCode"
PARAM_PRACTICE_SETTING: Final = "$XDSDocumentEntryPracticeSettingCode"
PARAM_FACILITY_TYPE: Final = "$XDSDocumentEntryHealthcareFacilityTypeCode"
PARAM_EVENT_CODE: Final = "$XDSDocumentEntryEventCodeList"
PARAM_CONFIDENTIALITY: Final = "$XDSDocumentEntryConfidentialityCode"
PARAM_FORMAT_CODE: Final = "$XDSDocumentEntryFormatCode"
PARAM_AUTHOR_PERSON: Final = "$XDSDocumentEntryAuthorPerson"
PARAM_CREATION_FROM: Final = "$XDSDocumentEntryCreationTimeFrom"
PARAM_CREATION_TO: Final = "$XDSDocumentEntryCreationTimeTo"
PARAM_SERVICE_START_FROM: Final = "$XDSDocumentEntryServiceStartTimeFrom"
PARAM_SERVICE_START_TO: Final = "$XDSDocumentEntryServiceStartTimeTo"
PARAM_SERVICE_STOP_FROM: Final = "$XDSDocumentEntryServiceStopTimeFrom"
PARAM_SERVICE_STOP_TO: Final = "$XDSDocumentEntryServiceStopTimeTo"
PARAM_UNIQUE_ID: Final = "$XDSDocumentEntryUniqueId"
PARAM_ENTRY_UUID: Final = "$XDSDocumentEntryEntryUUID"
PARAM_REFERENCE_ID: Final = "$XDSDocumentEntryReferenceIdList"
PARAM_UUID: Final = "$uuid"
PARAM_ASSOCIATION_TYPES: Final = "$AssociationTypes"
PARAM_SET_PATIENT_ID: Final = "$XDSSubmissionSetPatientId"
PARAM_SET_STATUS: Final = "$XDSSubmissionSetStatus"
PARAM_SET_TIME_FROM: Final = "$XDSSubmissionSetSubmissionTimeFrom"
PARAM_SET_TIME_TO: Final = "$XDSSubmissionSetSubmissionTimeTo"
PARAM_SET_AUTHOR_PERSON: Final = "$XDSSubmissionSetAuthorPerson"
PARAM_SET_CONTENT_TYPE: Final = "$XDSSubmissionSetContentType"

# Code systems of the metadata
OID_CLASS_CODE: Final = "1.2.250.1.213.1.1.4.1"
"""TRE_A03 document classes."""
OID_LOINC: Final = "2.16.840.1.113883.6.1"
OID_TYPE_CODE_FR: Final = "1.2.250.1.213.1.1.4.12"
"""TRE_A05 national document types."""
OID_FORMAT_IHE: Final = "1.3.6.1.4.1.19376.1.2.3"
OID_FORMAT_FR: Final = "1.2.250.1.213.1.1.4.2.282"
"""TRE_A06 national formats."""
OID_CONFIDENTIALITY_HL7: Final = "2.16.840.1.113883.5.25"
OID_VISIBILITY: Final = "1.2.250.1.213.1.1.4.13"
"""TRE_A07 visibility status of a document."""
OID_FACILITY_TYPE: Final = "1.2.250.1.71.4.2.4"
"""TRE_R02 activity sectors."""
OID_PRACTICE_SETTING: Final = "1.2.250.1.213.1.1.4.9"
OID_CONTENT_TYPE: Final = "1.2.250.1.213.2.2"
OID_SPECIALTY: Final = "1.2.250.1.213.1.1.4.5"

# Identifier domains
OID_PERSON: Final = "1.2.250.1.71.4.2.1"
"""National identifiers of professionals."""
OID_STRUCTURE: Final = "1.2.250.1.71.4.2.2"
"""National identifiers of structures."""
OID_INS_NIR: Final = INS_NIR_OID
OID_INS_NIA: Final = INS_NIA_OID
OID_INS_NIR_TEST: Final = INS_NIR_TEST_OID
OID_INS_NIR_DEMO: Final = INS_NIR_DEMO_OID

# Confidentiality
CONFIDENTIALITY_NORMAL: Final = "N"
VISIBILITY_MASKED: Final = "MASQUE_PS"
VISIBILITY_HIDDEN_PATIENT: Final = "INVISIBLE_PATIENT"
VISIBILITY_HIDDEN_GUARDIANS: Final = "INVISIBLE_REPRESENTANTS_LEGAUX"
VISIBILITY_LABELS: Final = {
    VISIBILITY_MASKED: "Masqué aux professionnels de santé",
    VISIBILITY_HIDDEN_PATIENT: "Non visible par le patient",
    VISIBILITY_HIDDEN_GUARDIANS: "Non visible par les représentants légaux du patient",
}
CONFIDENTIALITY_MAX: Final = 4

# Formats
FORMAT_PDF: Final = "urn:ihe:iti:xds-sd:pdf:2008"
FORMAT_TEXT: Final = "urn:ihe:iti:xds-sd:text:2008"
FORMAT_RTF: Final = "urn:ihe:iti-fr:xds-sd:rtf:2010"
FORMAT_JPEG: Final = "urn:ihe:iti-fr:xds-sd:jpeg:2010"
FORMAT_TIFF: Final = "urn:ihe:iti-fr:xds-sd:tiff:2010"
FORMAT_OTHER_N3: Final = "urn:asipSante:modelesHorsProfils:2011"

# MIME types of a document
MIME_CDA: Final = "text/xml"
MIME_SELF_RENDERING: Final = "application/xslt+xml"

# Localised strings
CHARSET: Final = "UTF8"
LANGUAGE: Final = "FR"

# Types of CX.5, XCN.10, XCN.13 and XON.7
CX_INS: Final = "NH"
CX_INTERNAL: Final = "PI"
XCN_PERSON: Final = "D"
XCN_SYSTEM: Final = "U"
XCN_NATIONAL: Final = "IDNPS"
XCN_INTERNAL: Final = "EI"
XCN_PATIENT: Final = "NH"
XCN_DEVICE: Final = "RI"
XON_STRUCTURE: Final = "IDNST"

# Signature object of a submission set
SIGNATURE_LANGUAGE: Final = "art"
SIGNATURE_CLASS: Final = "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1"
SIGNATURE_TYPE: Final = "E1762"
SIGNATURE_TYPE_LABEL: Final = "Full Document"
SIGNATURE_TYPE_SCHEME: Final = "ASTM"
SIGNATURE_FORMAT: Final = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE_SCHEME: Final = "URN"
SIGNATURE_EVENT: Final = "1.2.840.10065.1.12.1.14"
SIGNATURE_EVENT_SCHEME: Final = "1.2.840.10065.1.12"
SIGNATURE_TITLE: Final = "Source"
SIGNATURE_CLASS_LABEL: Final = "Digital Signature"
SIGNATURE_FORMAT_LABEL: Final = "Default Signature Style"

# XAdES signature of a submission set (IHE Document Digital Signature as used by the DMP)
NS_XADES: Final = "http://uri.etsi.org/01903/v1.1.1#"
XADES_MANIFEST_ID: Final = "IHEManifest"
XADES_MANIFEST_TYPE: Final = "http://www.w3.org/2000/09/xmldsig#Manifest"
XADES_PROPERTIES_ID: Final = "S0-SignedProperties"
XADES_PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903/v1.1.1#SignedProperties"
XADES_PURPOSE_ID: Final = "purposeOfSignature"
XADES_LOT_DIGEST: Final = "AA=="
C14N_WITH_COMMENTS: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1: Final = "http://www.w3.org/2000/09/xmldsig#sha1"

# Error codes
ERROR_DUPLICATE_UNIQUE_ID: Final = "XDSDuplicateUniqueIdInRegistry"
ERROR_DUPLICATE_IN_MESSAGE: Final = "XDSRegistryDuplicateUniqueIdInMessage"
ERROR_NON_IDENTICAL_HASH: Final = "XDSNonIdenticalHash"
ERROR_UNKNOWN_PATIENT: Final = "XDSUnknownPatientId"
ERROR_PATIENT_MISMATCH: Final = "XDSPatientIdDoesNotMatch"
ERROR_DOCUMENT_UNIQUE_ID: Final = "XDSDocumentUniqueIdError"
ERROR_REGISTRY_METADATA: Final = "XDSRegistryMetadataError"
ERROR_REPOSITORY_METADATA: Final = "XDSRepositoryMetadataError"
ERROR_MISSING_DOCUMENT: Final = "XDSMissingDocument"
ERROR_MISSING_METADATA: Final = "XDSMissingDocumentMetadata"
ERROR_REGISTRY_NOT_AVAILABLE: Final = "XDSRegistryNotAvailable"
ERROR_REGISTRY: Final = "XDSRegistryError"
ERROR_REPOSITORY: Final = "XDSRepositoryError"
ERROR_REGISTRY_BUSY: Final = "XDSRegistryBusy"
ERROR_REPOSITORY_BUSY: Final = "XDSRepositoryBusy"
ERROR_TOO_MANY_RESULTS: Final = "XDSTooManyResults"
ERROR_QUERY_MISSING_PARAM: Final = "XDSStoredQueryMissingParam"
ERROR_QUERY_PARAM_NUMBER: Final = "XDSStoredQueryParamNumber"
ERROR_UNKNOWN_QUERY: Final = "XDSUnknownStoredQuery"
ERROR_DEPRECATED_DOCUMENT: Final = "XDSRegistryDeprecatedDocumentError"
ERROR_UNKNOWN_REPOSITORY: Final = "XDSUnknownRepositoryId"
ERROR_METADATA_UPDATE: Final = "XDSMetadataUpdateError"
ERROR_METADATA_VERSION: Final = "XDSMetadataVersionError"
ERROR_METADATA_IDENTIFIER: Final = "XDSMetadataIdentifierError"
DMP_OK: Final = "DMPOk"
DMP_FOUND: Final = "DMPFound"
DMP_CLOSED: Final = "DMPClosed"
DMP_INVALID_CERTIFICATE: Final = "DMPInvalidCertificate"
DMP_ACCESS_DENIED: Final = "DMPAccessDeniedByRightsService"

# Types of the references of a document (JDV_J231: those that the DMP accepts)
REFERENCE_ACCESSION: Final = "urn:ihe:iti:xds:2013:accession"
REFERENCE_ORDER: Final = "urn:ihe:iti:xds:2013:order"
REFERENCE_STUDY: Final = "urn:ihe:iti:xds:2016:studyInstanceUID"

# An OID made from a UUID (ITU-T X.667) is this arc and the UUID as a decimal number
OID_OF_UUID: Final = "2.25"

CLASS_IMAGING: Final = "31"
CLASS_OF_PATIENT: Final = "90"
"""Documents that the patient wrote or deposited (TRE_A03)."""
TYPES_OF_PATIENT: Final = ("DOCPAT", "EXPPAT")
"""First letters of the national types that patients deposit (TRE_A05)."""
