"""The DMP over SOAP, one signed token for each request: feeding (TD2.1, TD3.1b, TD3.3c) and consultation.

Source: spec dmp 1, 2, 3.3 to 3.7, 9. One adapter for production, test platform and sandbox: address,
certificates and what the server may change are settings.
"""

from national.dmp.adapter.errors import METADATA_INCOMPLETE as METADATA_INCOMPLETE
from national.dmp.adapter.gateway import DmpSoap as DmpSoap
from national.dmp.adapter.gateway import signature_unique_id as signature_unique_id
from national.dmp.adapter.settings import DmpSettings as DmpSettings
from national.dmp.adapter.wire import SEAL_EXPIRED as SEAL_EXPIRED
from national.dmp.adapter.wire import VIHF_INCOMPLETE as VIHF_INCOMPLETE
